import { describe as group, expect, it } from "vitest";
import { describe, format, parse, quoted, spanOf, valuesOf, withValues, type Clause, type Filter } from "./query";

const is = (field: string, ...values: string[]): Clause => ({ field, not: false, op: "is", values });
const filter = (words: string, ...clauses: Clause[]): Filter => ({ clauses, words });

group("a filter as text and as chips", () => {
  const both: [string, Filter][] = [
    ["", filter("")],
    ["workflow:order", filter("", is("workflow", "order"))],
    ["status:FAILED,TIMED_OUT", filter("", is("status", "FAILED", "TIMED_OUT"))],
    ['workflow:"order \\"A\\", b" lost', filter("lost", is("workflow", 'order "A", b'))],
    ['workflow:"back\\\\slash"', filter("", is("workflow", "back\\slash"))],
    ['workflow:a,"b c",d', filter("", is("workflow", "a", "b c", "d"))],
    ["-workflow:order_*", filter("", { ...is("workflow", "order_*"), not: true })],
    ["took:>5m", filter("", { field: "took", not: false, op: ">", values: ["5m"] })],
    ["priority:>=3", filter("", { field: "priority", not: false, op: ">=", values: ["3"] })],
    ["correlation:none", filter("", { field: "correlation", not: false, op: "none", values: [] })],
    ['correlation:"none"', filter("", is("correlation", "none"))],
    ["top:yes", filter("", is("top", "yes"))],
    ['where:"version = 1 OR version = 2"', filter("", is("where", "version = 1 OR version = 2"))],
    ["lost parcel", filter("lost parcel")],
    ['"lost parcel" & !found', filter('"lost parcel" & !found')],
    ["zebr:*", filter("zebr:*")],
    ["http://x.y/z", filter("http://x.y/z")],
    ['"status:FAILED"', filter('"status:FAILED"')],
    ["workflow:Grüße-日本", filter("", is("workflow", "Grüße-日本"))],
    ["id:<script>", filter("")],
  ];
  it.each(both.filter(([, made]) => made.clauses.length + made.words.length > 0))("%s", (text, made) => {
    expect(parse(text)).toEqual({ filter: made, problems: [] });
    expect(format(made)).toBe(text);
  });
  it("reads the same filter from the text of any filter", () => {
    const nasty = ["a b", 'q"q', "c,d", "\\", "none", "any", ">5", "", " x ", "a\nb", "'s", "-x", "top:yes", "(a)"];
    for (const first of nasty) {
      for (const second of nasty) {
        const made = filter("", is("workflow", ...new Set([first, second].filter((each) => each !== ""))));
        if (made.clauses[0]?.values.length) expect(parse(format(made)).filter).toEqual(made);
      }
    }
  });
});

group("what is typed otherwise", () => {
  it.each([
    ["  Status:failed   workflow:a ", "status:FAILED workflow:a"],
    ['status:"timed out"', "status:TIMED_OUT"],
    ["workflow:a,a,b", "workflow:a,b"],
    ["top:YES", "top:yes"],
    ['workflow:"no end', 'workflow:"no end"'],
  ])("%s is %s", (text, normal) => {
    expect(parse(text).problems).toEqual([]);
    expect(format(parse(text).filter)).toBe(normal);
  });
  it.each([
    ["statuz:FAILED", /no field “statuz”/],
    ["workflow:", /no value/],
    ["version:two", /no whole number/],
    ["took:>soon", /no time such as 5m/],
    ["started:>yesterday", /no time such as 2026/],
    ["workflow:>a", /cannot be compared/],
    ["top:maybe", /yes or no/],
  ])("%s is told what is wrong, and the rest stays", (text, message) => {
    const read = parse(`${text} workflow:kept word`);
    expect(read.problems).toHaveLength(1);
    expect(read.problems[0]?.message).toMatch(message);
    expect(read.problems[0]?.at).toBe(0);
    expect(format(read.filter)).toBe("workflow:kept word");
  });
});

group("chips", () => {
  it.each([
    ["status:FAILED,TIMED_OUT", "Status: FAILED or TIMED_OUT"],
    ["-workflow:a", "Workflow is not a"],
    ["took:>5m", "Duration > 5m"],
    ["correlation:none", "Correlation id: none"],
    ["-correlation:none", "Correlation id: any"],
    ["top:yes", "Top-level only"],
    ["top:no", "Sub-workflows only"],
  ])("%s says %s", (text, said) => {
    const [first] = parse(text).filter.clauses;
    expect(first && describe(first)).toBe(said);
  });
  it("values of a field are changed in their place", () => {
    const made = parse("status:FAILED workflow:a").filter;
    expect(format(withValues(made, "status", ["RUNNING", "PAUSED"]))).toBe("status:RUNNING,PAUSED workflow:a");
    expect(format(withValues(made, "status", []))).toBe("workflow:a");
    expect(format(withValues(made, "top", ["yes"]))).toBe("status:FAILED workflow:a top:yes");
    expect(valuesOf(made, "status")).toEqual(["FAILED"]);
  });
  it("spans have units", () => {
    expect(["300ms", "2s", "5m", "1.5h", "2d", "17"].map(spanOf)).toEqual([300, 2_000, 300_000, 5_400_000, 172_800_000, 17]);
    expect(["", "x", "5 weeks", "-1s"].map(spanOf)).toEqual([undefined, undefined, undefined, undefined]);
    expect(quoted("a b")).toBe('"a b"');
  });
});
