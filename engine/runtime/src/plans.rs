//! Compiled plans by the hash of their snapshot, and what each registered definition means now.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use podium_core::cache::{CacheKey, Remembered};
use podium_core::decide::{Known, KnownPayload, KnownTask};
use podium_core::def::{TaskDef, WorkflowDef};
use podium_core::plan::{InlineDefinition, Snapshot, pin_latest, snapshot, unpinned};
use podium_core::{Payload, Plan, SnapshotHash, WantedDefinition};
use podium_store::Store;
use serde_json::{Map, Value};

use crate::errors::storage;
use crate::messages::EngineError;
use crate::ready::Limits;
use crate::script::ScriptAnswers;

/// Plans kept in memory.
const PLANS_AT_MOST: usize = 4_096;
/// Definitions given whole by tasks that are kept in memory.
const INLINE_AT_MOST: usize = 4_096;
/// Names looked up and not found that are remembered (decisions ask for them).
const ABSENT_AT_MOST: usize = 1_024;

/// Plans of this node. A plan in here has its snapshot stored.
#[derive(Default)]
pub(crate) struct Plans {
    by_hash: Mutex<HashMap<SnapshotHash, Arc<Plan>>>,
}

impl Plans {
    pub(crate) fn get(&self, hash: &SnapshotHash) -> Option<Arc<Plan>> {
        self.by_hash.lock().get(hash).cloned()
    }

    /// The plan of a stored run.
    pub(crate) async fn load(&self, store: &Store, hash: SnapshotHash) -> Result<Arc<Plan>, EngineError> {
        if let Some(plan) = self.get(&hash) {
            return Ok(plan);
        }
        let text = store.get_snapshot(hash).await.map_err(storage)?;
        let text =
            text.ok_or_else(|| EngineError::Internal("the definition of a run is not stored".to_owned()))?;
        let snapshot = Snapshot::from_text(&text).map_err(EngineError::Internal)?;
        let plan = Plan::compile(&snapshot).map_err(EngineError::Internal)?;
        Ok(self.keep(hash, plan))
    }

    /// The plan of a snapshot that a start will use: stored first, if it is new here.
    async fn of(&self, store: &Store, snapshot: &Snapshot) -> Result<Arc<Plan>, EngineError> {
        let hash = snapshot.hash();
        if let Some(plan) = self.get(&hash) {
            return Ok(plan);
        }
        let plan = Plan::compile(snapshot).map_err(EngineError::Invalid)?;
        store.put_snapshot(hash, &snapshot.text()).await.map_err(storage)?;
        Ok(self.keep(hash, plan))
    }

    /// Keeps it under the hash that the rows know; a plan compiled from an older form of the text keeps its name.
    fn keep(&self, hash: SnapshotHash, mut plan: Plan) -> Arc<Plan> {
        plan.hash = hash;
        let mut map = self.by_hash.lock();
        if map.len() >= PLANS_AT_MOST {
            // plans are made again at the price of one read; which one goes hardly matters
            let victim = map.keys().next().copied();
            victim.map(|v| map.remove(&v));
        }
        map.entry(hash).or_insert_with(|| Arc::new(plan)).clone()
    }
}

/// A definition ready to start.
pub(crate) struct Resolved {
    pub(crate) plan: Arc<Plan>,
    pub(crate) name: Arc<str>,
    pub(crate) version: i32,
    /// Initial variables.
    pub(crate) variables: Payload,
    pub(crate) metadata_version: i64,
}

impl Resolved {
    fn new(plan: Arc<Plan>, metadata_version: i64) -> Self {
        let def = plan.def();
        let variables = if def.variables.is_empty() {
            Payload::empty()
        } else {
            Payload::from_map(def.variables.clone())
        };
        let name = def.name.as_deref().unwrap_or_default().into();
        Resolved { name, version: def.version, variables, metadata_version, plan }
    }

    /// The input of a run: the template's members where the given input has none or null; an empty input stays
    /// empty (semantics §3.5).
    pub(crate) fn input(&self, given: Payload) -> Payload {
        let template = &self.plan.def().input_template;
        if template.is_empty() || given.is_empty() { given } else { merge_template(template, &given) }
    }
}

fn merge_template(template: &Map<String, Value>, given: &Payload) -> Payload {
    let mut input = given.map().clone();
    for (key, value) in template {
        if input.get(key).is_none_or(Value::is_null) {
            input.insert(key.clone(), value.clone());
        }
    }
    Payload::from_map(input)
}

type Versions = HashMap<Option<i32>, Looked>;

/// What was read because one decision asked for it. It counts for that decision even if definitions have moved since it
/// was read: while others register definitions all the time, a decision that asks again would never be made.
#[derive(Clone, Default)]
pub(crate) struct Answers {
    by_name: HashMap<(String, Option<i32>), Looked>,
    inline: HashMap<[u8; 32], Looked>,
    task_defs: Option<Arc<HashMap<String, TaskDef>>>,
    payloads: HashMap<String, KnownPayload>,
    /// Outputs that are kept, or were not when it was asked.
    cached: HashMap<CacheKey, Option<Payload>>,
    /// What its scripts said.
    pub(crate) scripts: ScriptAnswers,
}

impl Answers {
    pub(crate) fn note(&mut self, name: &str, version: Option<i32>, looked: Looked) {
        if let Looked::Found(found) = &looked {
            // the latest is one of the versions; a decision may go on to ask for it by its number
            self.by_name.insert((name.to_owned(), Some(found.version)), looked.clone());
        }
        self.by_name.insert((name.to_owned(), version), looked);
    }

    pub(crate) fn note_inline(&mut self, definition: &InlineDefinition, looked: Looked) {
        self.inline.insert(definition.key(), looked);
    }

    pub(crate) fn note_task_defs(&mut self, defs: Arc<HashMap<String, TaskDef>>) {
        self.task_defs = Some(defs);
    }

    pub(crate) fn note_payload(&mut self, path: &str, known: KnownPayload) {
        self.payloads.insert(path.to_owned(), known);
    }

    /// What a decision may know of a payload that somebody stored.
    pub(crate) fn payload(&self, path: &str) -> KnownPayload {
        self.payloads.get(path).cloned().unwrap_or(KnownPayload::NotLoaded)
    }

    /// Of these keys, what was found is all there is.
    pub(crate) fn note_cached(&mut self, keys: &[CacheKey], found: Vec<(CacheKey, Payload)>) {
        self.cached.extend(keys.iter().map(|key| (*key, None)));
        self.cached.extend(found.into_iter().map(|(key, output)| (key, Some(output))));
    }

    /// What a decision may know of a kept output.
    pub(crate) fn cached(&self, key: &CacheKey) -> Remembered {
        match self.cached.get(key) {
            Some(Some(output)) => Remembered::Found(output.clone()),
            Some(None) => Remembered::Nothing,
            None => Remembered::NotLoaded,
        }
    }

    fn look(&self, name: &str, version: Option<i32>) -> Option<&Looked> {
        if self.by_name.is_empty() {
            return None;
        }
        self.by_name.get(&(name.to_owned(), version))
    }
}

/// What became of a look-up.
#[derive(Clone)]
pub(crate) enum Looked {
    Found(Arc<Resolved>),
    Absent,
    /// It is there, and nobody can start it, for this reason.
    Unusable(String),
}

impl Looked {
    /// What a read came to; an error is left if trying again may help.
    pub(crate) fn of(read: Result<Option<Arc<Resolved>>, EngineError>) -> Result<Looked, EngineError> {
        match read {
            Ok(found) => Ok(found.map_or(Looked::Absent, Looked::Found)),
            Err(error @ EngineError::Unavailable(_)) => Err(error),
            // stored by somebody who did not validate it: it can be started by nobody
            Err(error) => Ok(Looked::Unusable(error.to_string())),
        }
    }

    fn found(&self) -> Option<Arc<Resolved>> {
        match self {
            Looked::Found(found) => Some(found.clone()),
            Looked::Absent | Looked::Unusable(_) => None,
        }
    }

    fn known(&self) -> Known {
        match self {
            Looked::Found(found) => Known::Found { snapshot: found.plan.hash, version: found.version },
            Looked::Absent => Known::Absent,
            Looked::Unusable(reason) => Known::Unusable(reason.clone()),
        }
    }
}

#[derive(Default)]
struct Registered {
    /// The metadata version that everything here was read at, or later.
    metadata_version: i64,
    by_name: HashMap<String, Versions>,
    absent: usize,
    inline: HashMap<[u8; 32], Looked>,
    task_defs: Option<Arc<HashMap<String, TaskDef>>>,
}

/// What is registered, as far as this node asked. All of it is forgotten when the metadata version moves.
#[derive(Default)]
pub(crate) struct Definitions {
    registered: RwLock<Registered>,
    /// What is being read, so that a thousand starts of a new definition read it once. Each name has a place of its
    /// own: a read that hangs holds up only those who want the same.
    reading: Mutex<HashMap<Wanted, Arc<Reading>>>,
    /// Limits of task definitions; those known are as new as any definition that a start uses.
    pub(crate) limits: Limits,
}

type Wanted = (String, Option<i32>);

/// A read under way, with what became of the one before.
type Reading = tokio::sync::Mutex<Option<Before>>;

/// Those who waited for a read need not try one by one, each in its time. What it found may be in memory no more, because
/// definitions have moved since, and is good all the same for whoever came before it was read.
struct Before {
    began: Instant,
    ended: Instant,
    read: Result<Option<Arc<Resolved>>, EngineError>,
}

impl Before {
    /// The answer for somebody who has waited since `came`: a failure that he waited for, or what was read after he came.
    fn answers(&self, came: Instant) -> Option<Result<Option<Arc<Resolved>>, EngineError>> {
        let counts = if self.read.is_err() { self.ended >= came } else { self.began >= came };
        counts.then(|| self.read.clone())
    }
}

/// A place among the readers of a name, given up with the last of them.
struct Place<'a> {
    definitions: &'a Definitions,
    wanted: Wanted,
    reading: Arc<Reading>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut all = self.definitions.reading.lock();
        // the map and this one hold it: nobody else waits
        if Arc::strong_count(&self.reading) <= 2 {
            all.remove(&self.wanted);
        }
    }
}

impl Definitions {
    /// A definition that is in memory.
    pub(crate) fn cached(&self, name: &str, version: Option<i32>) -> Option<Arc<Resolved>> {
        self.registered.read().by_name.get(name)?.get(&version)?.found()
    }

    /// A definition that a decision has asked for.
    pub(crate) fn wanted(&self, answers: &Answers, wanted: &WantedDefinition) -> Option<Arc<Resolved>> {
        match wanted {
            WantedDefinition::Registered { name, version } => match answers.look(name, *version) {
                Some(looked) => looked.found(),
                None => self.cached(name, *version),
            },
            WantedDefinition::Inline(definition) => match answers.inline.get(&definition.key()) {
                Some(looked) => looked.found(),
                None => self.registered.read().inline.get(&definition.key())?.found(),
            },
        }
    }

    /// What a decision may know of a definition.
    pub(crate) fn known(&self, answers: &Answers, name: &str, version: Option<i32>) -> Known {
        if let Some(looked) = answers.look(name, version) {
            return looked.known();
        }
        let registered = self.registered.read();
        let looked = registered.by_name.get(name).and_then(|versions| versions.get(&version));
        looked.map_or(Known::NotLoaded, Looked::known)
    }

    /// What a decision may know of a task definition.
    pub(crate) fn known_task(&self, answers: &Answers, name: &str) -> KnownTask {
        let registered = self.registered.read();
        let Some(defs) = answers.task_defs.as_ref().or(registered.task_defs.as_ref()) else {
            return KnownTask::NotLoaded;
        };
        defs.get(name).map_or(KnownTask::Absent, |def| KnownTask::Found(Box::new(def.clone())))
    }

    /// All task definitions as they are now.
    pub(crate) async fn load_task_defs(
        &self,
        store: &Store,
    ) -> Result<Arc<HashMap<String, TaskDef>>, EngineError> {
        let metadata_version = store.metadata_version().await.map_err(storage)?;
        self.moved(metadata_version);
        self.task_defs(store, metadata_version).await
    }

    /// What a decision may know of a definition given whole.
    pub(crate) fn known_inline(&self, answers: &Answers, definition: &InlineDefinition) -> Known {
        if let Some(looked) = answers.inline.get(&definition.key()) {
            return looked.known();
        }
        let registered = self.registered.read();
        registered.inline.get(&definition.key()).map_or(Known::NotLoaded, Looked::known)
    }

    /// The metadata version is (at least) this one now: what is older is forgotten.
    pub(crate) fn moved(&self, metadata_version: i64) {
        if self.registered.read().metadata_version >= metadata_version {
            return;
        }
        let mut registered = self.registered.write();
        if registered.metadata_version < metadata_version {
            *registered = Registered { metadata_version, ..Registered::default() };
        }
    }

    /// The definition as it is registered now, from memory or from its row.
    pub(crate) async fn find(
        &self,
        store: &Store,
        plans: &Plans,
        name: &str,
        version: Option<i32>,
    ) -> Result<Option<Arc<Resolved>>, EngineError> {
        if let Some(found) = self.cached(name, version) {
            return Ok(Some(found));
        }
        let came = Instant::now();
        let place = self.place(name, version);
        let mut before = place.reading.lock().await;
        if let Some(found) = self.cached(name, version) {
            return Ok(Some(found));
        }
        if let Some(answer) = before.as_ref().and_then(|before| before.answers(came)) {
            return answer;
        }
        let began = Instant::now();
        let read = self.load(store, plans, name, version).await;
        *before = Some(Before { began, ended: Instant::now(), read: read.clone() });
        read
    }

    fn place(&self, name: &str, version: Option<i32>) -> Place<'_> {
        let wanted = (name.to_owned(), version);
        let reading = self.reading.lock().entry(wanted.clone()).or_default().clone();
        Place { definitions: self, wanted, reading }
    }

    /// Reads the definition even if it is known to be absent.
    pub(crate) async fn load(
        &self,
        store: &Store,
        plans: &Plans,
        name: &str,
        version: Option<i32>,
    ) -> Result<Option<Arc<Resolved>>, EngineError> {
        // read first: what is read afterwards is at least as new, and a start that is too old is refused
        let metadata_version = store.metadata_version().await.map_err(storage)?;
        self.moved(metadata_version);
        let resolved = match store.get_workflow_def(name, version).await.map_err(storage)? {
            Some(stored) => {
                let def = workflow_def(&stored.text)?;
                Some(Arc::new(self.resolve(store, plans, &def, metadata_version).await?))
            }
            None => None,
        };
        self.remember(name, version, resolved.clone(), metadata_version);
        Ok(resolved)
    }

    /// A definition that came with a start.
    pub(crate) async fn inline(
        &self,
        store: &Store,
        plans: &Plans,
        def: &WorkflowDef,
    ) -> Result<Resolved, EngineError> {
        let metadata_version = store.metadata_version().await.map_err(storage)?;
        self.moved(metadata_version);
        self.resolve(store, plans, def, metadata_version).await
    }

    /// Makes a definition that a task gives whole ready to start: its snapshot is stored. One that cannot be run is
    /// remembered with the reason.
    pub(crate) async fn load_inline(
        &self,
        store: &Store,
        plans: &Plans,
        definition: &InlineDefinition,
    ) -> Result<Looked, EngineError> {
        let def = workflow_def(definition.text())?;
        let metadata_version = store.metadata_version().await.map_err(storage)?;
        self.moved(metadata_version);
        let resolved = self.resolve(store, plans, &def, metadata_version).await;
        let looked = Looked::of(resolved.map(|found| Some(Arc::new(found))))?;
        let mut registered = self.registered.write();
        if registered.metadata_version == metadata_version {
            if registered.inline.len() >= INLINE_AT_MOST {
                // made again at the price of two reads
                registered.inline.clear();
            }
            registered.inline.insert(definition.key(), looked.clone());
        }
        Ok(looked)
    }

    async fn resolve(
        &self,
        store: &Store,
        plans: &Plans,
        def: &WorkflowDef,
        metadata_version: i64,
    ) -> Result<Resolved, EngineError> {
        let task_defs = self.task_defs(store, metadata_version).await?;
        self.limits.refresh(store, metadata_version).await?;
        let mut latest = HashMap::new();
        for name in unpinned(def) {
            let stored = store.get_workflow_def(name, None).await.map_err(storage)?;
            let stored = stored.ok_or_else(|| {
                EngineError::Invalid(format!(
                    "The Task {name} defined as a sub-workflow has no workflow definition available "
                ))
            })?;
            latest.insert(name.to_owned(), stored.version);
        }
        let mut def = Cow::Borrowed(def);
        if !latest.is_empty() {
            pin_latest(def.to_mut(), &latest);
        }
        let snapshot = snapshot(&def, &|name| task_defs.get(name).cloned());
        Ok(Resolved::new(plans.of(store, &snapshot).await?, metadata_version))
    }

    async fn task_defs(
        &self,
        store: &Store,
        metadata_version: i64,
    ) -> Result<Arc<HashMap<String, TaskDef>>, EngineError> {
        if let Some(known) = self.known_task_defs(metadata_version) {
            return Ok(known);
        }
        let mut defs = HashMap::new();
        for stored in store.list_task_defs().await.map_err(storage)? {
            defs.insert(stored.name, task_def(&stored.text)?);
        }
        let defs = Arc::new(defs);
        let mut registered = self.registered.write();
        if registered.metadata_version == metadata_version {
            registered.task_defs = Some(defs.clone());
        }
        Ok(defs)
    }

    fn known_task_defs(&self, metadata_version: i64) -> Option<Arc<HashMap<String, TaskDef>>> {
        let registered = self.registered.read();
        (registered.metadata_version == metadata_version).then(|| registered.task_defs.clone())?
    }

    fn remember(
        &self,
        name: &str,
        version: Option<i32>,
        found: Option<Arc<Resolved>>,
        metadata_version: i64,
    ) {
        let mut registered = self.registered.write();
        if registered.metadata_version != metadata_version {
            return;
        }
        if found.is_none() {
            if registered.absent >= ABSENT_AT_MOST {
                registered.by_name.retain(|_, versions| {
                    versions.retain(|_, looked| !matches!(looked, Looked::Absent));
                    !versions.is_empty()
                });
                registered.absent = 0;
            }
            registered.absent += 1;
        }
        let versions = registered.by_name.entry(name.to_owned()).or_default();
        if let Some(found) = &found {
            // the latest is one of the versions; a decision may go on to ask for it by its number
            versions.insert(Some(found.version), Looked::Found(found.clone()));
        }
        versions.insert(version, found.map_or(Looked::Absent, Looked::Found));
    }
}

pub(crate) fn workflow_def(text: &str) -> Result<WorkflowDef, EngineError> {
    serde_json::from_str(text)
        .map_err(|e| EngineError::Internal(format!("a stored definition cannot be read: {e}")))
}

pub(crate) fn task_def(text: &str) -> Result<TaskDef, EngineError> {
    serde_json::from_str(text)
        .map_err(|e| EngineError::Internal(format!("a stored task definition cannot be read: {e}")))
}
