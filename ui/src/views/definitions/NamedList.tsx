import { useDeferredValue, useMemo, useState, type ReactNode } from "react";
import { useParam } from "../../app/useParam";
import { counted, found, sorted } from "../../model/definitions";
import { DataTable, type Column, type TableSort } from "../../widgets/DataTable";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState } from "../../widgets/ErrorState";
import { Filter } from "../../widgets/Filter";
import { Loading } from "../../widgets/Loading";

/** What a sorted column is sorted by, by the column's id. */
export type Values<Row> = Readonly<Record<string, (row: Row) => string | number>>;

interface Props<Row> {
  /** Undefined until they are there. */
  all: readonly Row[] | undefined;
  asked: { error: unknown; refetch: () => unknown };
  /** One of them, as in "3 schedules". */
  one: string;
  label: string;
  /** Where the words of the filter are looked for, and how that is said. */
  texts: (row: Row) => readonly (string | null | undefined)[];
  placeholder: string;
  columns: readonly Column<Row>[];
  values: Values<Row>;
  onOpen: (row: Row) => void;
  /** Instead of the list when there is none of them. */
  empty: ReactNode;
  /** Beside the filter, and at the end of its line. */
  note?: ReactNode;
  tools?: ReactNode;
}

const rowId = (row: { name: string }) => row.name;

/** A list of things with names: filtered by the address, sorted by its columns. */
export function NamedList<Row extends { name: string }>(props: Props<Row>) {
  const { all, one, texts, values } = props;
  const [filter, setFilter] = useParam("filter");
  const [sort, setSort] = useState<TableSort>({ column: "name", descending: false });
  const wanted = useDeferredValue(filter);
  const rows = useMemo(() => {
    const kept = (all ?? []).filter((row) => found(wanted, ...texts(row)));
    return sorted(kept, values[sort.column] ?? rowId, sort.descending);
  }, [all, wanted, sort, texts, values]);
  if (all === undefined) {
    if (props.asked.error === null) return <Loading what={`the ${one}s`} />;
    const again = (
      <button type="button" className="button" onClick={() => void props.asked.refetch()}>
        Ask for them again
      </button>
    );
    return <ErrorState title={`The ${one}s could not be loaded`} error={props.asked.error} action={again} />;
  }
  if (all.length === 0) return props.empty;
  const clear = (
    <button type="button" className="button" onClick={() => setFilter("")}>
      Clear the filter
    </button>
  );
  return (
    <>
      <div className="row">
        <Filter value={filter} onChange={setFilter} label={`Filter ${one}s`} placeholder={props.placeholder} count={counted(rows.length, all.length, one)} />
        {props.note}
        <span className="grow" />
        {props.tools}
      </div>
      <DataTable
        rows={rows}
        columns={props.columns}
        rowId={rowId}
        onOpen={props.onOpen}
        sort={sort}
        onSort={setSort}
        label={props.label}
        empty={<EmptyState title={`No ${one} contains “${filter}”`} action={clear} />}
      />
    </>
  );
}
