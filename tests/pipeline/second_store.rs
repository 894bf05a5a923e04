//! The client and the services on an S3 store that is not ours: what only works against our own would be seen here.

use podium_objects::PutOptions;
use podium_tests::support::http;
use podium_tests::support::repository;
use podium_tests::support::store::Store;
use serde_json::json;

use super::services::{Stand, file};

#[test]
fn the_client_gets_back_what_it_wrote() -> anyhow::Result<()> {
    let store = Store::start_moto()?;
    // three parts
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    for (key, bytes) in
        [("folder/large.bin", large.as_slice()), ("folder/ü small", b"seven".as_slice()), ("empty", b"")]
    {
        store.put("own", key, bytes)?;
        assert!(store.get("own", key)?.is_some_and(|found| found == bytes), "{key}");
    }
    let link = store.with(async |client| {
        let head = client.head("own", "folder/large.bin").await?.expect("it is there");
        assert_eq!(head.size, 20_000_000);
        let listed = client.list("own", "folder/", 10).await?;
        let keys: Vec<&str> = listed.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["folder/large.bin", "folder/ü small"]);
        // one that is given up is never seen
        let mut given_up = client.put("own", "given-up", PutOptions::of_type("text/plain"));
        given_up.write(&large).await?;
        given_up.abort().await;
        assert_eq!(client.head("own", "given-up").await?, None);
        client.delete("own", "empty").await?;
        client.delete_many("own", &["never-was".to_owned()]).await?;
        Ok(client.presign_get("own", "folder/ü small", std::time::Duration::from_secs(60)).await?)
    })?;
    let target = link.strip_prefix(&store.endpoint()).expect("a link into this store");
    assert_eq!(http::get(&store.endpoint(), target)?.ok()?.body, b"seven");
    assert_eq!(store.get("own", "empty")?, None);
    assert_eq!(store.get("nobody", "x")?, None, "no such bucket");
    Ok(())
}

#[test]
fn a_service_works_there_as_recorded() -> anyhow::Result<()> {
    let mut on = Stand::open_on(Store::start_moto()?)?;
    let sample = |path: &str| std::fs::read(repository().join(path));
    on.store.put("raw", "customers.csv", &sample("demo/data/customers.csv")?)?;
    on.worker("email-validator", "group", &[])?;
    on.request("email-validator", "email_validation", "w", &file("customers.csv", "valid.csv"))?;
    let data = on.answer("w")?;
    assert_eq!((&data["processedRecords"], &data["failedRecords"]), (&json!(8640), &json!(1360)), "{data}");
    let recorded = sample("workers/tests/data/email_valid.csv")?;
    assert!(on.store.get("out", "valid.csv")?.is_some_and(|found| found == recorded));
    Ok(())
}
