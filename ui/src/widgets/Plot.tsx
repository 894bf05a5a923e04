import { useId, useState } from "react";
import { Bar, BarChart, CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import "./Plot.css";

export interface Series {
  key: string;
  title: string;
  /** A colour token. */
  tone: string;
  /** Of a line, so that colour is not all that tells them apart. */
  dash?: string;
}

interface Props {
  title: string;
  /** The same in words. */
  summary: string;
  rows: readonly object[];
  /** Member of the rows along the horizontal axis. */
  x: string;
  formatX: (value: string | number) => string;
  format: (value: number) => string;
  series: readonly Series[];
  kind: "bars" | "lines";
}

/** A plot with what it says in words and, on demand, its numbers as a table. */
export default function Plot({ title, summary, rows, x, formatX, format, series, kind }: Props) {
  const [table, setTable] = useState(false);
  const name = useId();
  const axes = (
    <>
      <CartesianGrid stroke="var(--line)" vertical={false} />
      <XAxis dataKey={x} tickFormatter={formatX} minTickGap={48} stroke="var(--line-strong)" />
      <YAxis tickFormatter={format} width={64} stroke="var(--line-strong)" allowDecimals={false} />
      <Tooltip
        isAnimationActive={false}
        cursor={{ stroke: "var(--line-strong)", fill: "var(--sunken)" }}
        content={({ label, payload }) => (
          <div className="plot-tip">
            <strong>{formatX((label ?? "") as string)}</strong>
            {payload.map((one) => (
              <div key={String(one.dataKey)}>
                {String(one.name)}: {typeof one.value === "number" ? format(one.value) : "–"}
              </div>
            ))}
          </div>
        )}
      />
    </>
  );
  return (
    <figure className="plot card" aria-labelledby={name}>
      <div className="row">
        <h2 id={name} className="grow">
          {title}
        </h2>
        <button type="button" className="button quiet" aria-pressed={table} onClick={() => setTable(!table)}>
          {table ? "Show as a plot" : "Show as a table"}
        </button>
      </div>
      <figcaption>{summary}</figcaption>
      {table ? (
        <Numbers {...{ title, rows, x, formatX, format, series }} />
      ) : (
        <>
          <div className="plot-drawn" aria-hidden="true">
            <ResponsiveContainer width="100%" height="100%">
              {kind === "bars" ? (
                <BarChart data={[...rows]} accessibilityLayer={false}>
                  {axes}
                  {series.map((one) => (
                    <Bar key={one.key} dataKey={one.key} name={one.title} stackId="all" fill={`var(${one.tone})`} isAnimationActive={false} />
                  ))}
                </BarChart>
              ) : (
                <LineChart data={[...rows]} accessibilityLayer={false}>
                  {axes}
                  {series.map((one) => (
                    <Line
                      key={one.key}
                      dataKey={one.key}
                      name={one.title}
                      stroke={`var(${one.tone})`}
                      strokeWidth={2}
                      {...(one.dash ? { strokeDasharray: one.dash } : {})}
                      dot={{ r: 2 }}
                      isAnimationActive={false}
                    />
                  ))}
                </LineChart>
              )}
            </ResponsiveContainer>
          </div>
          <ul className="plot-legend" aria-label={`Lines of ${title}`}>
            {series.map((one) => (
              <li key={one.key} className="mark">
                <svg width="18" height="10" aria-hidden="true">
                  <line x1="0" y1="5" x2="18" y2="5" stroke={`var(${one.tone})`} strokeWidth={kind === "bars" ? 8 : 2} strokeDasharray={one.dash} />
                </svg>
                {one.title}
              </li>
            ))}
          </ul>
        </>
      )}
    </figure>
  );
}

function Numbers({ title, rows, x, formatX, format, series }: Omit<Props, "summary" | "kind">) {
  return (
    // a region that scrolls can be reached by keys
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="plot-table" tabIndex={0} role="region" aria-label={`${title}, numbers`}>
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {series.map((one) => (
              <th key={one.key} scope="col" className="number">
                {one.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => {
            const values = row as Record<string, unknown>;
            return (
              <tr key={i}>
                <th scope="row">{formatX(values[x] as string | number)}</th>
                {series.map((one) => {
                  const value = values[one.key];
                  return (
                    <td key={one.key} className="number">
                      {typeof value === "number" ? format(value) : "–"}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
