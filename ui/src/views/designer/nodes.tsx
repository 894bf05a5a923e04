import { Handle, Position, type NodeProps, type NodeTypes } from "@xyflow/react";
import { createContext, memo, use } from "react";
import { StatusMark } from "../../widgets/StatusMark";
import type { Face, ShownNode } from "./shown";

export interface NodeActions {
  retry: (id: string) => void;
  statistics: (id: string) => void;
}
/** What buttons on nodes do; a context, so that nodes need not be drawn again for it. */
export const NodeActionsContext = createContext<NodeActions>({ retry: () => {}, statistics: () => {} });

function Inside({ id, data }: { id: string; data: Face }) {
  const actions = use(NodeActionsContext);
  const { mark } = data;
  return (
    <>
      <span className="dn-line">
        <span className="dn-kind cut" title={data.kind}>
          {data.kind}
        </span>
        {mark.status && <StatusMark status={mark.status} />}
        {mark.problems > 0 && (
          <span className="dn-wrong" title={`${mark.problems} problems`}>
            ▲ {mark.problems}
          </span>
        )}
      </span>
      <span className="dn-line">
        <span className="dn-name cut" title={data.name}>
          {data.name}
        </span>
      </span>
      {(mark.retry === true || mark.statistics === true) && (
        <span className="dn-actions nodrag nopan">
          {mark.retry === true && (
            <button type="button" className="button danger" onClick={() => actions.retry(id)} aria-label={`Retry ${data.name}`}>
              Retry
            </button>
          )}
          {mark.statistics === true && (
            <button
              type="button"
              className="button"
              onClick={() => actions.statistics(id)}
              aria-label={`Show the statistics of ${data.name}`}
            >
              Statistics
            </button>
          )}
        </span>
      )}
    </>
  );
}

const Step = memo(function Step({ id, data }: NodeProps<ShownNode>) {
  return (
    <div className={`dn ${data.known ? "" : "dn-unknown"} ${data.mark.status ? `dn-${data.mark.status.tone}` : ""}`}>
      <Handle type="target" position={Position.Left} />
      <Inside id={id} data={data} />
      <Handle type="source" position={Position.Right} />
    </div>
  );
});

const Loop = memo(function Loop({ id, data }: NodeProps<ShownNode>) {
  return (
    <div className={`dn dn-loop ${data.mark.status ? `dn-${data.mark.status.tone}` : ""}`}>
      <Handle type="target" position={Position.Left} />
      <div className="dn-title">
        <Inside id={id} data={data} />
      </div>
      <Handle type="source" position={Position.Right} />
    </div>
  );
});

/** Outside of components: React Flow draws everything anew when this is another object. */
export const NODE_TYPES: NodeTypes = { step: Step, loop: Loop };
