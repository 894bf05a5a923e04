/** Times as people read them. All instants are milliseconds since 1970; 0 and absent mean "not yet". */

const UNITS: readonly [string, number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];

/** `1 h 4 m`, `12.3 s`, `87 ms`: two units at most. Negative differences of clocks count as nothing. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  const all = Math.max(0, Math.round(ms));
  if (all < 1_000) return `${all} ms`;
  if (all < 60_000) return `${(Math.floor(all / 100) / 10).toFixed(all < 10_000 ? 1 : 0)} s`;
  let rest = all;
  const parts: string[] = [];
  for (const [name, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length > 0) parts.push(`${count} ${name}`);
    if (parts.length === 2) break;
  }
  return parts.filter((part, i) => i === 0 || !part.startsWith("0 ")).join(" ");
}

/** `just now`, `4 m ago`, `in 2 h`. */
export function relative(at: number, now: number): string {
  const apart = now - at;
  if (Math.abs(apart) < 1_000) return "just now";
  const text = duration(Math.floor(Math.abs(apart) / 1_000) * 1_000).replace(/\.0 s/, " s");
  return apart > 0 ? `${text} ago` : `in ${text}`;
}

/** The exact instant, in the zone of the viewer or in UTC. */
export function exact(at: number, utc: boolean): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  const iso = utc ? date.toISOString() : new Date(at - date.getTimezoneOffset() * 60_000).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}${utc ? " UTC" : ""}`;
}

/** `12`, `3.4 kB`, `5.0 MB`. */
export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1_000).toFixed(1)} kB`;
  if (count < 1_000_000_000) return `${(count / 1_000_000).toFixed(1)} MB`;
  return `${(count / 1_000_000_000).toFixed(2)} GB`;
}
