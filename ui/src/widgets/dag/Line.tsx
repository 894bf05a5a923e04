import { EdgeLabelRenderer, getSmoothStepPath, type Edge, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import type { Point, Route } from "../../model/layout";

export type LineEdge = Edge<{ lit: boolean; text: string; route: Route | undefined }>;

const CORNER = 8;

/** A way from task to task: around whatever lies between them where the layout found one, else straight. */
export const Line = memo(function Line({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, data, markerEnd }: EdgeProps<LineEdge>) {
  const route = data?.route;
  const [path, x, y] = route
    ? [rounded(route.corners), route.label?.x ?? 0, route.label?.y ?? 0]
    : getSmoothStepPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition });
  const way = data?.lit ? "dag-line" : "dag-line dag-dim";
  return (
    <>
      <path d={path} className={way} fill="none" markerEnd={markerEnd} />
      {data?.text && (
        <EdgeLabelRenderer>
          <div className={`dag-case ${data.lit ? "" : "dag-dim"}`} style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }} title={data.text}>
            {data.text}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

/** The corners joined by lines, each corner rounded. */
export function rounded(route: readonly Point[]): string {
  const [first, ...rest] = route;
  if (!first) return "";
  let path = `M${first.x} ${first.y}`;
  rest.forEach((point, i) => {
    const before = route[i] as Point;
    const after = rest[i + 1];
    if (!after) {
      path += `L${point.x} ${point.y}`;
      return;
    }
    const [start, end] = [toward(point, before), toward(point, after)];
    path += `L${start.x} ${start.y}Q${point.x} ${point.y} ${end.x} ${end.y}`;
  });
  return path;
}

function toward(from: Point, to: Point): Point {
  const far = Math.hypot(to.x - from.x, to.y - from.y);
  if (far === 0) return from;
  const part = Math.min(CORNER, far / 2) / far;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
