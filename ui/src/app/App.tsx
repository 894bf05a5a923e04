import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Tooltip } from "radix-ui";
import { RouterProvider } from "react-router";
import { ApiFailure } from "../api/client";
import { overviewOptions } from "../api/queries/run";
import { ToastProvider } from "../widgets/Toast";
import { PreferencesProvider } from "./preferences";
import { router } from "./router";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      // what the server refused it will refuse again; what it could not be asked is asked again
      retry: (count, error) => count < 2 && (!(error instanceof ApiFailure) || error.status === 0 || error.status >= 502),
      // what was known stays on the page, with its age, while the server is away
      refetchOnWindowFocus: true,
    },
  },
});

// the run of the address is asked for while the code of its page is on its way
const run = /^\/runs\/([\w-]+)$/.exec(location.pathname)?.[1];
if (run) void queries.prefetchQuery(overviewOptions(queries, run));

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <PreferencesProvider>
        <Tooltip.Provider delayDuration={300}>
          <ToastProvider>
            <RouterProvider router={router} />
          </ToastProvider>
        </Tooltip.Provider>
      </PreferencesProvider>
    </QueryClientProvider>
  );
}
