import { lazy } from "react";
import { createBrowserRouter } from "react-router";
import { NotFound, RouteError } from "./RouteError";
import { Shell } from "./Shell";

// The run list is home and comes with the first load; every other view is fetched when it is asked for.
import { RunsView } from "../views/runs/RunsView";
const loadRun = () => import("../views/run/RunView");
if (location.pathname.startsWith("/runs/")) void loadRun();
const RunView = lazy(loadRun);
const DefinitionsView = lazy(() => import("../views/definitions/DefinitionsView"));
const DefinitionView = lazy(() => import("../views/definitions/DefinitionView"));
const DesignerView = lazy(() => import("../views/designer/DesignerView"));
const QueuesView = lazy(() => import("../views/queues/QueuesView"));
const EventsView = lazy(() => import("../views/events/EventsView"));
const PipelineView = lazy(() => import("../views/pipeline/PipelineView"));
const PlotsView = lazy(() => import("../views/plots/PlotsView"));

/** The addresses of the pages. The server serves the same list (`server/src/ui.rs`). */
export const router = createBrowserRouter([
  {
    element: <Shell />,
    errorElement: <RouteError />,
    children: [
      {
        errorElement: <RouteError />,
        children: [
          { path: "/", element: <RunsView /> },
          { path: "/runs/:workflowId", element: <RunView /> },
          { path: "/definitions", element: <DefinitionsView /> },
          { path: "/definitions/:name", element: <DefinitionView /> },
          { path: "/designer", element: <DesignerView /> },
          { path: "/queues", element: <QueuesView /> },
          { path: "/events", element: <EventsView /> },
          { path: "/pipeline", element: <PipelineView /> },
          { path: "/plots", element: <PlotsView /> },
          { path: "*", element: <NotFound /> },
        ],
      },
    ],
  },
]);
