//! The walk: every operation of the document gets every wrong request that `mutate` can think of.

use podium_tests::support::http::Answer;

use crate::document::Document;
use crate::examples::{Examples, Request};
use crate::mutate::{Mutant, mutants};
use crate::world::World;

/// How often a refused call is sent again before what it left behind is held against it: other things go on.
const LOOKS: usize = 4;
/// Faults of one operation that are printed.
const SHOWN: usize = 8;

#[test]
fn no_request_makes_the_server_fail_hang_or_keep_what_it_refused() -> anyhow::Result<()> {
    let document = Document::committed()?;
    let examples = Examples::read()?;
    let mut world = World::new("walk")?;
    let tables = world.tables()?;
    let only = std::env::var("PODIUM_WALK").ok();
    let (mut faults, mut sent, mut refused) = (Vec::new(), 0, 0);
    for operation in document.operations() {
        if only.as_deref().is_some_and(|only| only != operation.id) {
            continue;
        }
        let Some(example) = examples.of(operation.id) else { continue };
        let ids = world.given(example.given.as_deref())?;
        let right = Request::of(&operation, example, &ids)?;
        let mut walker =
            Walker { world: &world, tables: &tables, digest: world.at_rest(&tables)?, refused: 0 };
        let mut found = Vec::new();
        for mutant in mutants(&document, &operation, &right) {
            sent += 1;
            if let Err(error) = walker.send(&mutant) {
                found.push(format!(
                    "{} {} ({}): {}: {error}",
                    operation.method, operation.path, operation.id, mutant.what
                ));
            }
        }
        refused += walker.refused;
        let count = found.len();
        faults.extend(found.into_iter().take(SHOWN));
        if count > SHOWN {
            faults.push(format!("{}: {} more", operation.id, count - SHOWN));
        }
        anyhow::ensure!(world.podium.is_alive(), "the server ended:\n{}", faults.join("\n"));
    }
    println!("{sent} requests, {refused} refused, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(only.is_some() || refused > 1000, "the walk did nothing: {refused} refused");
    Ok(())
}

struct Walker<'w> {
    world: &'w World,
    tables: &'w [String],
    digest: String,
    refused: usize,
}

impl Walker<'_> {
    fn send(&mut self, mutant: &Mutant) -> anyhow::Result<()> {
        let answer = self.world.call(&mutant.request)?;
        proper(&answer)?;
        if answer.status < 400 {
            self.digest = self.world.digest(self.tables)?;
            return Ok(());
        }
        self.refused += 1;
        for _ in 0..LOOKS {
            if self.world.digest(self.tables)? == self.digest {
                return Ok(());
            }
            self.digest = self.world.at_rest(self.tables)?;
            let again = self.world.call(&mutant.request)?;
            anyhow::ensure!(
                again.status == answer.status,
                "answered {} and then {}",
                answer.status,
                again.status
            );
        }
        anyhow::bail!("refused with {}, and the database has changed each time", answer.status)
    }
}

/// No failure of the server, and whoever is refused is told why in Conductor's form.
fn proper(answer: &Answer) -> anyhow::Result<()> {
    let brief: String = answer.text().chars().take(200).collect();
    anyhow::ensure!(answer.status < 500, "answered {}: {brief}", answer.status);
    if answer.status >= 400 {
        let body = answer.json()?;
        let fits =
            body["status"] == answer.status && body["message"].is_string() && body["retryable"].is_boolean();
        anyhow::ensure!(fits, "{} without a proper error body: {brief}", answer.status);
    }
    Ok(())
}
