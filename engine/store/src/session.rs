//! A writer's connection: its settings, and what it learns about the database when it is made.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use uuid::Uuid;

use crate::Inner;
use crate::batch::Types;
use crate::error::{Kind, StoreError, kind};
use crate::month::Months;
use crate::statement::text;
use crate::wire::RowType;

/// What a connection learned about the database when it was made.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) types: Types,
    pub(crate) months: Months,
    /// The statement's forms by parts and month.
    pub(crate) forms: HashMap<(u16, Option<usize>), Arc<str>>,
}

impl Session {
    /// The month that holds all of a batch's runs.
    pub(crate) fn month(&self, bounds: Option<(Uuid, Uuid)>) -> Option<usize> {
        self.months.of(bounds)
    }

    pub(crate) fn form(&mut self, parts: u16, month: Option<usize>) -> Arc<str> {
        let name = month.map(|m| self.months.name(m));
        self.forms.entry((parts, month)).or_insert_with(|| text(parts, name).into()).clone()
    }
}

/// A writer's connection: plans are made once and pinned to index scans.
pub(crate) async fn connect(store: &Inner) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = store.connect.clone().statement_cache_capacity(300).options([
        ("application_name", "podium-writer"),
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("enable_material", "off"),
        ("enable_memoize", "off"),
        ("enable_sort", "off"),
    ]);
    options.connect().await
}

pub(crate) async fn session(connection: &mut PgConnection) -> Result<Session, StoreError> {
    read_session(connection).await.map_err(|source| match kind(&source) {
        Kind::Refused => {
            StoreError::Schema("the database has no Podium schema; run the migrations first".to_owned())
        }
        Kind::Lost | Kind::Again | Kind::Away => {
            StoreError::Unavailable { statement: "writer.session", source }
        }
    })
}

pub(crate) async fn read_session(connection: &mut PgConnection) -> Result<Session, sqlx::Error> {
    const NAMES: [&str; 11] = [
        "run_image",
        "task_image",
        "run_key",
        "payload_image",
        "task_key",
        "inbox_key",
        "parked_image",
        "outbox_image",
        "log_image",
        "claim_key",
        "history_image",
    ];
    let rows: Vec<(i64, i64, i32)> = sqlx::query_as(
        "SELECT t.oid::bigint, t.typarray::bigint, c.relnatts::integer
        FROM unnest($1::text[]) WITH ORDINALITY AS n(name, place)
        JOIN pg_type AS t ON t.oid = n.name::regtype
        JOIN pg_class AS c ON c.oid = t.typrelid
        ORDER BY n.place",
    )
    .bind(&NAMES[..])
    .fetch_all(&mut *connection)
    .await?;
    let mut rows = rows.into_iter().map(|(row, array, columns)| RowType {
        row: row as u32,
        array: array as u32,
        columns,
    });
    let mut next = || rows.next().ok_or(sqlx::Error::RowNotFound);
    let types = Types {
        run: next()?,
        task: next()?,
        run_key: next()?,
        payload: next()?,
        task_key: next()?,
        inbox_key: next()?,
        parked: next()?,
        outbox: next()?,
        log: next()?,
        claim: next()?,
        history: next()?,
    };
    let months = Months::read(connection).await?;
    Ok(Session { types, months, forms: HashMap::new() })
}
