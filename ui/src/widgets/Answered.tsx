import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Age } from "./Age";
import { ErrorState } from "./ErrorState";
import { Loading } from "./Loading";
import "./Answered.css";

/** What an answer shows once it is there; until then that it is on its way, or why there is none. */
export function Answered<Data>(props: {
  query: UseQueryResult<Data>;
  what: string;
  tools?: ReactNode;
  children: (data: Data) => ReactNode;
}) {
  const { data, error, dataUpdatedAt, refetch } = props.query;
  return (
    <>
      <div className="row">
        {props.tools}
        <span className="grow" />
        {data !== undefined && <Age at={dataUpdatedAt} failed={error} />}
        <button type="button" className="button" onClick={() => void refetch()}>
          Look again
        </button>
      </div>
      {data !== undefined ? (
        props.children(data)
      ) : error ? (
        <ErrorState title={`${props.what} could not be read`} error={error} />
      ) : (
        <Loading what={props.what.toLowerCase()} />
      )}
    </>
  );
}
