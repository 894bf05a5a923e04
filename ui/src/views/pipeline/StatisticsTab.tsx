import { lazy, Suspense } from "react";
import { useStatistics } from "../../api/queries/pipeline";
import { reasons, share } from "../../model/plot";
import { Answered } from "../../widgets/Answered";
import { EmptyState } from "../../widgets/EmptyState";
import { Loading } from "../../widgets/Loading";

const Plot = lazy(() => import("../../widgets/Plot"));

const COUNTS = [
  { key: "valid", title: "Valid", tone: "--good" },
  { key: "invalid", title: "Invalid", tone: "--bad" },
] as const;

/** What the services counted over the latest workflows: valid and invalid rows, by reason. */
export function StatisticsTab() {
  const query = useStatistics();
  return (
    <Answered query={query} what="Statistics">
      {({ services: all, workflows }) => {
        // jobs tell counts of their own, not of rows that are valid or not
        const services = all.filter((service) => service.valid + service.invalid > 0);
        return services.length === 0 ? (
          <EmptyState title="No service has counted anything yet">
            Validation and hygiene services tell how many rows were valid when they complete their part of a workflow.
          </EmptyState>
        ) : (
          <Suspense fallback={<Loading what="the plots" />}>
            <div className="listed column">
              <Plot
                title="Rows by service"
                summary={`Over the latest ${workflows} workflows: ${services.map((s) => `${s.service} ${share(s.valid, s.valid + s.invalid)} valid of ${s.valid + s.invalid}`).join("; ")}.`}
                rows={services}
                x="service"
                formatX={String}
                format={String}
                series={COUNTS}
                kind="bars"
              />
              {services
                .filter((service) => service.reasons.length > 0)
                .map((service) => (
                  <section key={service.service} className="card">
                    <h2>Why rows of {service.service} were invalid</h2>
                    <table aria-label={`Reasons of ${service.service}`}>
                      <thead>
                        <tr>
                          <th scope="col">Reason</th>
                          <th scope="col" className="number">
                            Rows
                          </th>
                          <th scope="col" className="number">
                            Of the invalid
                          </th>
                        </tr>
                      </thead>
                      <tbody>
                        {reasons(service.reasons).map((one) => (
                          <tr key={one.reason}>
                            <th scope="row">{one.reason}</th>
                            <td className="number">{one.count}</td>
                            <td className="number">{share(one.count, service.invalid)}</td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                  </section>
                ))}
            </div>
          </Suspense>
        );
      }}
    </Answered>
  );
}
