import { useReactFlow } from "@xyflow/react";
import { useCallback } from "react";
import { NODE_SIZE, nodeById } from "../../model/designer/document";
import { absolute } from "../../model/designer/operations";
import { useEditor } from "./editor";

const DURATION = 150;

/** Brings a node into view if it is not seen whole. */
export function useReveal(): (id: string | undefined) => void {
  const editor = useEditor();
  const flow = useReactFlow();
  return useCallback(
    (id) => {
      const node = id === undefined ? undefined : nodeById(editor.graph(), id);
      const seen = document.querySelector(".designer .react-flow")?.getBoundingClientRect();
      if (!node || !seen) return;
      const corner = absolute(editor.graph(), node);
      const middle = { x: corner.x + NODE_SIZE.width / 2, y: corner.y + NODE_SIZE.height / 2 };
      const zoom = flow.getZoom();
      const at = flow.flowToScreenPosition(middle);
      const room = { x: (NODE_SIZE.width / 2) * zoom, y: (NODE_SIZE.height / 2) * zoom };
      const inside = at.x - room.x >= seen.left && at.x + room.x <= seen.right && at.y - room.y >= seen.top && at.y + room.y <= seen.bottom;
      if (!inside) void flow.setCenter(middle.x, middle.y, { zoom, duration: DURATION });
    },
    [editor, flow],
  );
}
