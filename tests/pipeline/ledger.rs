//! The ledger: made by whoever comes first, claimed by one at a time, changed only under the newest lease.

use std::time::Duration;

use podium_ledger::{Book, DagRunRequest, Ledger, LedgerSettings, Refusal, Server};
use podium_tests::support::audit::Sql;
use podium_tests::support::postgres;
use podium_tests::support::stage::fresh_tag;

const LEASE: Duration = Duration::from_secs(60);

/// A server without the database that the ledger wants.
fn settings() -> anyhow::Result<LedgerSettings> {
    let server = Server::Url(postgres::shared()?.url("postgres"));
    let patience =
        LedgerSettings { tries: 2, pause: Duration::from_millis(100), ..LedgerSettings::at(server) };
    Ok(LedgerSettings { database: fresh_tag("ledger"), ..patience })
}

fn run(number: usize) -> DagRunRequest {
    DagRunRequest {
        workflow_id: format!("w{number}"),
        task_id: "dp_name_parse_task".to_owned(),
        dag_id: "nameparse".to_owned(),
        dag_run_id: format!("1000861509-{number:08x}"),
        jobid: format!("1000861509-{number:08x}"),
        event_type: Some("name_parse_completed".to_owned()),
        ..DagRunRequest::default()
    }
}

#[tokio::test]
async fn many_make_it_at_once_and_again() -> anyhow::Result<()> {
    let settings = settings()?;
    let opened = futures::future::join_all((0..8).map(|_| Ledger::connect(&settings))).await;
    let ledgers = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert!(ledgers[0].monitor(&run(1), "e1", Duration::ZERO).await?);
    let again = Ledger::connect(&settings).await?;
    assert!(!again.monitor(&run(1), "e1", Duration::ZERO).await?, "the table was made anew");
    Ok(())
}

/// Another monitor made the table first, with the documented columns only, and put the same run into it twice.
#[tokio::test]
async fn a_table_of_another_monitor_is_taken_over() -> anyhow::Result<()> {
    let settings = settings()?;
    let url = postgres::shared()?.database("foreign")?;
    let settings =
        LedgerSettings { database: url.rsplit('/').next().unwrap_or_default().to_owned(), ..settings };
    let sql = Sql::connect(&url)?;
    sql.execute(
        "CREATE TABLE dag_monitor_requests (id SERIAL PRIMARY KEY, workflow_id VARCHAR(255) NOT NULL,
            task_id VARCHAR(255) NOT NULL, dag_id VARCHAR(255) NOT NULL, dag_run_id VARCHAR(255) NOT NULL,
            jobid VARCHAR(255) NOT NULL, execution_id VARCHAR(255), metadata_key VARCHAR(512),
            minio_output_bucket VARCHAR(255), minio_output_key VARCHAR(512), event_type VARCHAR(255), stats_url TEXT,
            status VARCHAR(50) DEFAULT 'pending', error_message TEXT, created_at TIMESTAMP DEFAULT now(),
            updated_at TIMESTAMP DEFAULT now(), started_monitoring_at TIMESTAMP, completed_at TIMESTAMP)",
    )?;
    for _ in 0..2 {
        sql.execute(
            "INSERT INTO dag_monitor_requests (workflow_id, task_id, dag_id, dag_run_id, jobid, status)
             VALUES ('w', 't', 'd', 'r', 'j', 'running')",
        )?;
    }
    let ledger = Ledger::connect(&settings).await?;
    let rows = ledger.claim_dag_runs(10, LEASE).await?;
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(ledger.close(&rows[0].lease, None).await?);
    assert!(ledger.close(&rows[1].lease, Some("gone")).await?);
    let states = sql.texts("SELECT status FROM dag_monitor_requests ORDER BY status")?;
    assert_eq!(states, ["completed", "failed"]);
    Ok(())
}

#[tokio::test]
async fn a_row_has_one_owner_and_the_newest_lease_counts() -> anyhow::Result<()> {
    let ledger = Ledger::connect(&settings()?).await?;
    for number in 0..50 {
        assert!(ledger.monitor(&run(number), "e", Duration::ZERO).await?);
    }
    let claims = (0..10).map(|_| ledger.claim_dag_runs(20, LEASE));
    let claimed = futures::future::join_all(claims).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut ids: Vec<i64> = claimed.iter().flatten().map(|row| row.lease.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), claimed.iter().flatten().count()), (50, 50), "each row went to one claimer");

    let old = claimed.iter().flatten().next().expect("fifty rows").lease;
    assert!(ledger.look_again(&old, Duration::ZERO, Refusal::Yes, Some("404")).await?);
    let newer = ledger.claim_dag_runs(50, LEASE).await?;
    assert_eq!(newer.len(), 1);
    let standing = &newer[0].standing;
    assert_eq!((standing.looks, standing.trouble.as_deref()), (1, Some("404")));
    assert!(standing.refused_for.is_some());
    assert!(!ledger.close(&old, None).await?, "the old lease closed the row of a newer one");
    assert!(!ledger.extend(&old, LEASE).await?);
    assert!(ledger.extend(&newer[0].lease, LEASE).await?);
    assert!(ledger.close(&newer[0].lease, None).await?);
    assert!(ledger.next_due(Book::DagRuns).await?.is_some_and(|due| due > Duration::from_secs(30)));
    Ok(())
}

#[tokio::test]
async fn a_message_is_handled_once_by_each_consumer() -> anyhow::Result<()> {
    let ledger = Ledger::connect(&settings()?).await?;
    let keep = Duration::from_secs(3600);
    assert!(ledger.note_handled("a", "1", keep).await?);
    assert!(!ledger.note_handled("a", "1", keep).await?);
    assert!(ledger.note_handled("b", "1", keep).await?);
    assert!(ledger.was_handled("a", "1").await? && !ledger.was_handled("a", "2").await?);
    assert!(ledger.note_handled("a", "2", Duration::ZERO).await?);
    assert_eq!(ledger.forget_handled().await?, 1);
    assert!(!ledger.was_handled("a", "2").await?);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_away_is_named() -> anyhow::Result<()> {
    let port = podium_tests::support::free_port()?;
    let server = Server::Address {
        host: "127.0.0.1".to_owned(),
        port,
        user: "u".to_owned(),
        password: "hidden".to_owned(),
    };
    let settings =
        LedgerSettings { tries: 2, pause: Duration::from_millis(10), ..LedgerSettings::at(server) };
    let error = Ledger::connect(&settings).await.err().expect("nobody listens");
    let text = error.to_string();
    assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("2 tries"), "{text}");
    assert!(!text.contains("hidden") && !format!("{settings:?}").contains("hidden"), "{text}");
    Ok(())
}
