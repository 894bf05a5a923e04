//! A deployment is cut off at every step, and the same request finishes it.

use std::sync::Mutex;

use podium_tests::support::tripwire::{Last, Tripwire};
use serde_json::json;

use super::world::{Ingest, World, documented};

/// Processes at once: each is killed, and the next one waits for its lease.
const PARALLEL: usize = 5;

struct Cut<'w> {
    world: &'w World,
    bucket: String,
    wire: Tripwire,
    ingest: Ingest,
}

impl<'w> Cut<'w> {
    fn begin(world: &'w World, number: usize) -> anyhow::Result<Cut<'w>> {
        let wire = Tripwire::default();
        let bucket = format!("{}-{number}", world.tag);
        let ways = (wire.way(world.address_of_engine())?, wire.way(world.address_of_s3())?);
        let ingest = world.ingest(world.settings_by(ways.0, ways.1).with("S3_BUCKET", &bucket))?;
        Ok(Cut { world, bucket, wire, ingest })
    }

    fn deploy(&self, name: &str) -> anyhow::Result<serde_json::Value> {
        self.ingest.deploy(&json!({"workflow": documented(name)?}))
    }

    /// One definition, one run, and the files of that run.
    fn check(&self, name: &str, answer: &serde_json::Value, when: &str) -> anyhow::Result<()> {
        assert_eq!(self.world.counts(name)?, (1, 1), "{when}: {answer}");
        let id = answer["workflow_instance_id"].as_str().expect("an id");
        let mut expected: Vec<String> =
            ["dp_email_hygiene.json", "dp_name_parse.json", "first_10_entries.in"]
                .map(|file| format!("conductor-poc/runs/{id}/{file}"))
                .to_vec();
        expected.extend(
            ["dp_email_hygiene.json", "dp_name_parse.json"].map(|file| format!("conductor-poc/{file}")),
        );
        expected.sort();
        let mut keys = self.world.keys(&self.bucket)?;
        keys.sort();
        assert_eq!(keys, expected, "{when}");
        assert_eq!(self.world.client.run(id)?["workflowName"], name, "{when}");
        Ok(())
    }
}

#[test]
fn killed_at_any_step_the_same_request_finishes_it() -> anyhow::Result<()> {
    let world = World::open()?;
    let whole = Cut::begin(&world, 0)?;
    whole.wire.disarm();
    let name = world.name("whole");
    let answer = whole.deploy(&name)?;
    whole.check(&name, &answer, "undisturbed")?;
    let steps = whole.wire.steps();
    assert!(steps >= 8, "only {steps} steps were seen");
    let cuts: Vec<(usize, Last)> =
        (1..=steps).flat_map(|step| [(step, Last::Lost), (step, Last::Delivered)]).collect();
    let (next, killed) = (Mutex::new(cuts.into_iter().enumerate()), Mutex::new(0));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..PARALLEL)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let taken = next.lock().expect("held for next only").next();
                        let Some((number, (step, last))) = taken else { return anyhow::Ok(()) };
                        *killed.lock().expect("held for a sum only") +=
                            cut_off(&world, number + 1, step, last)?;
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no panic"))
    })?;
    let killed = *killed.lock().expect("all are done");
    // sometimes a request goes out in fewer pieces than in the undisturbed run
    assert!(killed >= steps, "only {killed} of {} deployments were cut off", 2 * steps);
    Ok(())
}

/// Whether the process was killed before it had answered.
fn cut_off(world: &World, number: usize, step: usize, last: Last) -> anyhow::Result<usize> {
    let mut cut = Cut::begin(world, number)?;
    let name = world.name(&format!("cut{number}"));
    let when = format!("killed at step {step}, {last:?}");
    cut.wire.arm(step, cut.ingest.0.pid(), last);
    let first = cut.deploy(&name);
    cut.wire.disarm();
    let killed = first.is_err();
    if killed {
        cut.ingest.0.kill()?;
        cut.ingest.0.restart()?;
    }
    let answer = cut.deploy(&name).map_err(|error| error.context(when.clone()))?;
    cut.check(&name, &answer, &when)?;
    Ok(usize::from(killed))
}
