import { describe, expect, it } from "vitest";
import { definitions, recordedRuns } from "../../test/definitions";
import { GALLERY, duplicateNames, everyStatus, huge, inFlight, loop, retries, row, run, simple } from "../../test/fixtures/gallery";
import { allFolds, NO_FOLDS, revealing, VISIBLE, withFold, withShown } from "./folds";
import { graph, type Graph } from "./graph";
import type { Overview } from "./run";
import { indexRun } from "./runIndex";
import { everyItem, LOOSE, structure, structureOf, within, type Item } from "./structure";

const draw = (overview: Overview, folds = NO_FOLDS, before?: Graph) => graph(structureOf(overview.definition), { overview }, folds, before);
const node = (picture: Graph, id: string) => {
  const found = picture.nodes.find((each) => each.id === id);
  if (!found) throw new Error(`no node ${id} among ${picture.nodes.map((each) => each.id).join(", ")}`);
  return found;
};
const way = (picture: Graph, id: string) => picture.edges.find((edge) => edge.id === id);

/** What is wrong with a picture, whatever it shows. */
function flaws(picture: Graph): string[] {
  const found: string[] = [];
  const parents = new Map<string, string | undefined>();
  for (const each of picture.nodes) {
    if (parents.has(each.id)) found.push(`${each.id} is there twice`);
    if (each.parent !== undefined && !parents.has(each.parent)) found.push(`${each.id} comes before what holds it`);
    if (each.card.label === "") found.push(`${each.id} has no label`);
    parents.set(each.id, each.parent);
  }
  for (const { id, source, target } of picture.edges) {
    if (!parents.has(source) || !parents.has(target)) found.push(`${id} leads nowhere`);
    else if (parents.get(source) !== parents.get(target)) found.push(`${id} goes through the wall of a container`);
  }
  return found;
}
const sound = (picture: Graph, about: string): void => expect(flaws(picture), about).toEqual([]);

/** Items that nothing leads to; behind a TERMINATE nothing need to. */
function unreached(picture: Graph, items: readonly Item[]): string[] {
  const targets = new Set(picture.edges.map((edge) => edge.target));
  const found: string[] = [];
  const meet = (list: readonly Item[], entered: boolean): void => {
    let after = entered;
    for (const item of list) {
      if (after && !targets.has(item.key)) found.push(item.key);
      for (const branch of item.branches) meet(branch.items, item.kind !== "loop" && item.kind !== "stretch");
      after = !ends(item);
    }
  };
  meet(items, true);
  return found;
}
const ends = (item: Item): boolean =>
  item.kind === "terminate" ||
  ((item.kind === "fork" || item.kind === "switch") && item.branches.length > 0 && item.branches.every((branch) => branch.items.some(ends)));

describe("a definition alone", () => {
  it("is drawn from start to end", () => {
    const picture = graph(structure({ tasks: [simple("a"), simple("b")] }), undefined, NO_FOLDS);
    expect(picture.edges.map((edge) => edge.id)).toEqual(["start>a", "a>b", "b>end"]);
    expect(picture.nodes.every((each) => each.card.lit && each.card.status === null)).toBe(true);
  });

  it("leads from a switch through its cases, past empty ones, to what follows", () => {
    const picture = graph(
      structure({ tasks: [{ ...simple("s"), type: "SWITCH", decisionCases: { x: [simple("a")], y: [], z: [{ ...simple("t"), type: "TERMINATE" }] } }, simple("b")] }),
      undefined,
      NO_FOLDS,
    );
    expect(picture.edges.map((edge) => [edge.id, edge.label])).toEqual([
      ["start>s", ""],
      ["s>a", "x"],
      ["s>t", "z"],
      ["a>b", ""],
      ["s>b", "y, default"],
      ["b>end", ""],
    ]);
  });

  it("says how much is folded", () => {
    const tasks = [{ ...simple("w"), type: "DO_WHILE", loopOver: [simple("a"), simple("b")] }];
    const picture = graph(structure({ tasks }), undefined, withFold(NO_FOLDS, "w", false));
    expect(node(picture, "w").card).toMatchObject({ fold: "folded", detail: "2 tasks", counts: [] });
    expect(picture.hidden).toBe(2);
  });

  it("opens a sub-workflow that is written out in place", () => {
    const tasks = [{ ...simple("sub"), type: "SUB_WORKFLOW", subWorkflowParam: { name: "c", workflowDefinition: { name: "c", tasks: [simple("inner")] } } }];
    const picture = graph(structure({ tasks }), undefined, withFold(NO_FOLDS, "sub", true));
    expect(node(picture, within("sub", "inner")).parent).toBe("sub");
    expect(node(picture, within("sub", "inner")).card.run).toBe("");
  });
});

describe("a run", () => {
  it("paints every status, with its word in the label", () => {
    const picture = draw(everyStatus());
    expect(node(picture, "t_completed").card.label).toBe("t_completed, SIMPLE, completed, 500 ms");
    expect(node(picture, "t_frobnicated").card.status).toMatchObject({ label: "FROBNICATED", shape: "question" });
  });

  it("counts attempts and shows the latest", () => {
    const picture = draw(retries());
    expect(node(picture, "charge_card").card).toMatchObject({ attempts: 3, took: null, label: "charge_card, SIMPLE, in progress, 3 attempts" });
    expect(node(picture, "charge_card").card.since).not.toBeNull();
    expect(node(picture, "ship").card).toMatchObject({ lit: false, label: "ship, SIMPLE, not reached" });
    expect(way(picture, "reserve>charge_card")?.lit).toBe(true);
    expect(way(picture, "charge_card>ship")?.lit).toBe(false);
  });

  it("lights the case that was taken", () => {
    const tasks = [{ ...simple("s"), type: "SWITCH", decisionCases: { x: [simple("a")], y: [simple("b")] } }, simple("c")];
    const picture = draw(run("switch", tasks, [row("s", { start: 0, end: 0 }, { taskType: "SWITCH", caseOutput: "y" }), row("b", { start: 0, end: 1 }), row("c", { start: 1, end: 2 })]));
    expect(picture.edges.filter((edge) => edge.lit).map((edge) => edge.id)).toEqual(["start>s", "s>b", "b>c", "c>end"]);
    expect(node(picture, "a").card.lit).toBe(false);
    expect(node(picture, "s").card.detail).toBe("took y");
  });

  it("lights the way past a switch that had no case for it", () => {
    const tasks = [{ ...simple("s"), type: "SWITCH", decisionCases: { x: [simple("a")] } }, simple("c")];
    const picture = draw(run("switch", tasks, [row("s", { start: 0, end: 0 }, { taskType: "SWITCH", caseOutput: "other" }), row("c", { start: 1, end: 2 })]));
    expect(way(picture, "s>c")?.lit).toBe(true);
    expect(way(picture, "s>a")?.lit).toBe(false);
  });

  it("shows the last iteration of a loop, or the chosen one", () => {
    const overview = loop(40);
    const picture = draw(overview);
    expect(node(picture, "poll_until").card.part).toEqual({ what: "iteration", shown: 40, of: 40 });
    expect(node(picture, "weigh").card).toMatchObject({ ref: "weigh__40", attempts: 2 });
    const seventh = draw(overview, withShown(NO_FOLDS, "poll_until", 7));
    expect(node(seventh, "weigh").card).toMatchObject({ ref: "weigh__7", attempts: 1 });
    expect(seventh.shape).toBe(picture.shape);
  });

  it("counts all iterations in a folded loop", () => {
    const picture = draw(loop(40), withFold(NO_FOLDS, "poll_until", false));
    expect(node(picture, "poll_until").card.counts.map((each) => [each.status.name, each.count])).toEqual([["COMPLETED", 80]]);
  });

  it("draws the branches of a dynamic fork from the tasks of the run", () => {
    const picture = draw(huge(13));
    expect(picture.nodes.filter((each) => each.id.startsWith(within("fan", "")))).toHaveLength(9);
    expect(way(picture, `fan>${within("fan", "part_1")}`)).toBeDefined();
    expect(way(picture, `${within("fan", "part_1")}>gather`)).toBeDefined();
  });

  it("keeps the branches of each iteration apart", () => {
    const tasks = [{ ...simple("w"), type: "DO_WHILE", loopOver: [{ ...simple("df"), type: "FORK_JOIN_DYNAMIC" }, { ...simple("j"), type: "JOIN" }] }];
    const rows = [1, 2].flatMap((i) => [
      row(`df__${i}`, {}, { taskType: "FORK", iteration: i }),
      row(`x_a__${i}`, {}, { iteration: i }),
      row(`x_${i}__${i}`, {}, { iteration: i }),
      row(`j__${i}`, {}, { taskType: "JOIN", iteration: i }),
    ]);
    const overview = run("loop", tasks, [row("w", {}, { taskType: "DO_WHILE", iteration: 2 }), ...rows]);
    expect(draw(overview).nodes.filter((each) => each.id.startsWith(within("df", ""))).map((each) => each.card.ref)).toEqual(["x_a__2", "x_2__2"]);
    expect(draw(overview, withShown(NO_FOLDS, "w", 1)).nodes.filter((each) => each.id.startsWith(within("df", ""))).map((each) => each.card.ref)).toEqual(["x_a__1", "x_1__1"]);
  });

  it("shows tasks that nothing explains", () => {
    const overview = run("odd", [simple("a")], [row("a"), row("stranger")]);
    const picture = draw(overview);
    expect(node(picture, LOOSE).container).toBe(true);
    expect(node(picture, within(LOOSE, "stranger@0")).card.ref).toBe("stranger");
  });

  it("does not take a name that ends in a number for an iteration", () => {
    const picture = draw(duplicateNames());
    for (const name of ["send", "send_2", "send__2", "send__2__2"]) expect(node(picture, name).card.ref).toBe(name);
  });

  it("opens a sub-workflow with its own tasks, and says when they are on their way or did not come", () => {
    const child = inFlight();
    const tasks = [{ ...simple("sub"), type: "SUB_WORKFLOW", subWorkflowParam: { name: "in_flight" } }];
    const overview = run("parent", tasks, [row("sub", { start: 0 }, { taskType: "SUB_WORKFLOW", status: "IN_PROGRESS", subWorkflowId: "c1" })]);
    const open = withFold(NO_FOLDS, "sub", true);
    const tree = structureOf(overview.definition);
    expect(node(draw(overview), "sub").card).toMatchObject({ fold: "folded", child: "c1" });
    expect(node(draw(overview, open), within("sub", "wait")).card.title).toMatch(/^Loading/);
    expect(node(graph(tree, { overview, children: new Map([["c1", "It is gone."]]) }, open), within("sub", "wait")).card.title).toBe("It is gone.");
    const picture = graph(tree, { overview, children: new Map([["c1", child]]) }, open);
    expect(node(picture, within("sub", "left")).card).toMatchObject({ run: "c1", status: { name: "IN_PROGRESS" } });
    expect(way(picture, `${within("sub", "fork")}>${within("sub", "left")}`)).toBeDefined();
    sound(picture, "child");
  });
});

describe("a live tick", () => {
  it("changes nothing when nothing changed", () => {
    const overview = inFlight();
    const first = draw(overview);
    expect(draw(structuredClone(overview), NO_FOLDS, first)).toBe(first);
  });

  it("makes new objects of what changed only, and no new layout", () => {
    const later = inFlight();
    const first = draw(structuredClone(later));
    const moved = { ...later, tasks: later.tasks.map((task) => (task.referenceTaskName === "right" ? { ...task, status: "IN_PROGRESS" } : task)) };
    const second = draw(moved, NO_FOLDS, first);
    expect(second.nodes.filter((each, i) => each !== first.nodes[i]).map((each) => each.id)).toEqual(["right"]);
    expect(second.edges).toBe(first.edges);
    expect(second.shape).toBe(first.shape);
  });
});

describe("large runs", () => {
  const timed = (name: string, make: () => Overview, folds = NO_FOLDS) => {
    const overview = make();
    const before = performance.now();
    const picture = draw(overview, folds);
    const took = performance.now() - before;
    // milliseconds on an idle machine: this finds what grows with the square
    expect(took, name).toBeLessThan(2_000);
    sound(picture, name);
    return picture;
  };

  it("folds a fork of 10,000 branches, and opens it by pages", () => {
    const picture = timed("fork", () => huge(10_000));
    expect(picture.nodes.length).toBeLessThan(8);
    expect(picture.hidden).toBeGreaterThan(9_000);
    const card = node(picture, "fan").card;
    expect(card.fold).toBe("folded");
    expect(card.counts.reduce((sum, each) => sum + each.count, 0)).toBe(picture.hidden);
    const open = timed("open fork", () => huge(10_000), withFold(NO_FOLDS, "fan", true));
    expect(open.nodes.length).toBeLessThan(VISIBLE);
    expect(node(open, "fan").card.part).toMatchObject({ what: "page", shown: 1 });
  });

  it("shows one iteration of 3,000", () => {
    const picture = timed("loop", () => loop(3_000));
    expect(node(picture, "poll_until").card.part?.of).toBe(3_000);
    expect(picture.nodes.length).toBeLessThan(10);
  });

  it("cuts 10,000 tasks in a row, and folds broad definitions", () => {
    const row10k = timed("row", () => run("row", Array.from({ length: 10_000 }, (_, i) => simple(`t${i}`)), []));
    expect(row10k.nodes.length).toBeLessThanOrEqual(VISIBLE + 2);
    const forks = Array.from({ length: 100 }, (_, i) => [
      { ...simple(`f${i}`), type: "FORK_JOIN", forkTasks: Array.from({ length: 50 }, (_, b) => [simple(`f${i}b${b}`)]) },
      { ...simple(`j${i}`), type: "JOIN" },
    ]).flat();
    const broad = timed("broad", () => run("broad", forks, []));
    expect(broad.nodes.length).toBeLessThanOrEqual(VISIBLE + 2);
    expect(broad.hidden).toBeGreaterThan(4_000);
  });

  it("brings a selected task into view, whatever is folded around it", () => {
    const overview = huge(10_000);
    const tree = structureOf(overview.definition);
    const wanted = overview.tasks[5_000]?.referenceTaskName ?? "";
    const folds = revealing(NO_FOLDS, tree, indexRun(tree, overview.tasks), wanted);
    expect(draw(overview, folds).nodes.some((each) => each.card.ref === wanted)).toBe(true);
    const looped = loop(3_000);
    const loopTree = structureOf(looped.definition);
    const at = revealing(withFold(NO_FOLDS, "poll_until", false), loopTree, indexRun(loopTree, looped.tasks), "ask__1234");
    expect(node(draw(looped, at), "ask").card.ref).toBe("ask__1234");
  });
});

describe("all that was ever defined, run or thought of", () => {
  it("draws every definition with each task once and nothing loose", () => {
    for (const [path, definition] of definitions()) {
      const tree = structure(definition);
      const picture = graph(tree, undefined, allFolds(NO_FOLDS, tree, true));
      sound(picture, path);
      expect(unreached(picture, tree.items), path).toEqual([]);
      const ids = new Set(picture.nodes.map((each) => each.id));
      expect([...everyItem(tree.items)].filter((item) => !ids.has(item.key)).map((item) => item.key), path).toEqual([]);
      sound(graph(tree, undefined, allFolds(NO_FOLDS, tree, false)), path);
    }
  });

  it("shows every task of every recorded run when it is asked for", () => {
    const runs = recordedRuns();
    expect(runs.length).toBeGreaterThan(100);
    for (const [path, overview] of runs) {
      const tree = structureOf(overview.definition);
      const index = indexRun(tree, overview.tasks);
      sound(draw(overview), path);
      expect(index.loose, path).toEqual([]);
      const missing = overview.tasks.filter(({ referenceTaskName: ref }) => {
        const picture = draw(overview, revealing(NO_FOLDS, tree, index, ref));
        return !picture.nodes.some((each) => each.card.ref === ref);
      });
      expect(missing, path).toEqual([]);
    }
  });

  it.each(Object.keys(GALLERY))("draws %s of the gallery", (name) => {
    const overview = GALLERY[name]?.();
    if (!overview) throw new Error(name);
    sound(draw(overview), name);
    sound(draw(overview, allFolds(NO_FOLDS, structureOf(overview.definition), false)), name);
  });
});
