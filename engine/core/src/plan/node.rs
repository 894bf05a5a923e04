//! One task of a definition, with everything about it that no run changes.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use crate::cache::CacheRule;
use crate::def::{RetryLogic, TaskConfig, TaskTimeoutPolicy};
use crate::expr::Template;
use crate::payload::Payload;
use crate::schema::Schemas;
use crate::tasks::{self, TaskKind};
use crate::time::Span;

/// Position of a node in its plan, or among the branches that dynamic forks brought into a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIx(u32);

/// Marks positions outside of the plan.
const BRANCH: u32 = 1 << 31;

impl NodeIx {
    pub(super) fn new(index: usize) -> Self {
        NodeIx(u32::try_from(index).expect("a definition has fewer than 2^31 tasks"))
    }

    pub(super) fn branch(index: usize) -> Self {
        NodeIx(NodeIx::new(index).0 | BRANCH)
    }

    /// Is it a node that the definition does not have?
    pub fn is_branch(self) -> bool {
        self.0 & BRANCH != 0
    }

    pub fn index(self) -> usize {
        (self.0 & !BRANCH) as usize
    }
}

/// A node wherever it is kept: in the plan, or with the run that made it.
#[derive(Clone, Debug)]
pub enum NodeRef<'p> {
    Plan(&'p Node),
    Own(Arc<Node>),
}

impl Deref for NodeRef<'_> {
    type Target = Node;

    fn deref(&self) -> &Node {
        match self {
            NodeRef::Plan(node) => node,
            NodeRef::Own(node) => node,
        }
    }
}

impl<'p> NodeRef<'p> {
    /// What a row of the type `task_type` is: only for DYNAMIC something else than the node itself.
    pub(crate) fn of_type(self, task_type: &str) -> NodeRef<'p> {
        match self.variant(task_type) {
            Some(variant) => NodeRef::Own(variant),
            None => self,
        }
    }
}

/// A task of the definition. Children of containers are nodes of their own.
pub struct Node {
    pub ix: NodeIx,
    pub ref_name: Arc<str>,
    /// What the row shows as its type; for worker tasks what workers poll for.
    pub task_type: Arc<str>,
    pub def_name: Arc<str>,
    pub(crate) kind: &'static dyn TaskKind,
    pub config: TaskConfig,
    pub input: Input,
    /// The parameters alone, without the task definition's template: what a retry resolves again.
    pub params: Template,
    pub retry: RetryRule,
    pub timeout: TimeoutRule,
    /// The task that follows when this one ends: the next in its list or, at the end of a case or branch, what follows
    /// the container.
    pub next: Option<NodeIx>,
    /// The container that it stands in.
    pub parent: Option<NodeIx>,
    /// The loop whose body it is part of, the innermost one.
    pub in_loop: Option<NodeIx>,
    /// For a loop: the first task of its body.
    pub loop_first: Option<NodeIx>,
    /// For a loop: all tasks of its body, without those of loops inside.
    pub body: Vec<NodeIx>,
    /// For a branch of a dynamic fork: the reference of the fork.
    pub fork: Option<Arc<str>>,
    /// For a JOIN: does it come after a dynamic fork, so that its row says what it waits for?
    pub joins_dynamic: bool,
    /// First tasks of the branches of a FORK_JOIN; `None` for an empty branch.
    pub branches: Vec<Option<NodeIx>>,
    /// First tasks of the cases of a SWITCH; `None` for an empty case.
    pub cases: Vec<(String, Option<NodeIx>)>,
    /// First task of the default case.
    pub default_case: Option<NodeIx>,
    /// The tasks that wait for this one: JOINs and EXCLUSIVE_JOINs that name it.
    pub joined_by: Vec<NodeIx>,
    pub optional: bool,
    pub permissive: bool,
    /// What its task definition holds its input and output against.
    pub(crate) schemas: Option<Arc<Schemas>>,
    /// How its output is kept for later tasks.
    pub(crate) cache: Option<Arc<CacheRule>>,
    /// For DYNAMIC: the same task as each type that it may turn out to be.
    pub(super) variants: Vec<OnceLock<Arc<Node>>>,
    pub(super) text: OnceLock<String>,
    pub(super) def_text: OnceLock<Option<String>>,
}

impl Node {
    /// Why a row of it may not have this input.
    pub(crate) fn input_fault(&self, input: &Payload) -> Option<String> {
        self.schemas.as_ref()?.input_fault(&format!("task {}", self.ref_name), input)
    }

    /// Why a row of it may not complete with this output.
    pub(crate) fn output_fault(&self, output: &Payload) -> Option<String> {
        self.schemas.as_ref()?.output_fault(&format!("task {}", self.ref_name), output)
    }

    /// A DYNAMIC task as a task of another type.
    pub(crate) fn variant(&self, task_type: &str) -> Option<Arc<Node>> {
        if self.variants.is_empty() {
            return None;
        }
        let (at, kind) = tasks::chosen(task_type);
        let slot = self.variants.get(at)?;
        Some(slot.get_or_init(|| Arc::new(self.with_kind(kind))).clone())
    }

    fn with_kind(&self, kind: &'static dyn TaskKind) -> Node {
        let input = match &self.input {
            Input::Fixed(payload) => Input::Fixed(payload.clone()),
            Input::Template { template, fallback } => {
                Input::Template { template: template.clone(), fallback: fallback.clone() }
            }
        };
        Node {
            ref_name: self.ref_name.clone(),
            task_type: self.task_type.clone(),
            def_name: self.def_name.clone(),
            kind,
            config: self.config.clone(),
            input,
            params: self.params.clone(),
            retry: self.retry.clone(),
            timeout: self.timeout.clone(),
            branches: Vec::new(),
            cases: Vec::new(),
            body: Vec::new(),
            fork: self.fork.clone(),
            joined_by: self.joined_by.clone(),
            schemas: self.schemas.clone(),
            cache: self.cache.clone(),
            variants: Vec::new(),
            text: OnceLock::new(),
            def_text: OnceLock::new(),
            ..*self
        }
    }

    /// The task of the definition as wire JSON.
    pub fn config_text(&self) -> &str {
        self.text.get_or_init(|| serde_json::to_string(&self.config).expect("a task always has a JSON text"))
    }

    /// Its task definition as wire JSON.
    pub fn task_def_text(&self) -> Option<&str> {
        self.def_text
            .get_or_init(|| {
                let def = self.config.task_definition.as_ref()?;
                Some(serde_json::to_string(def).expect("a task definition always has a JSON text"))
            })
            .as_deref()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("ref_name", &self.ref_name)
            .field("task_type", &self.task_type)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The input of a task.
#[derive(Debug)]
pub enum Input {
    /// No expression in it: one value shared by all runs.
    Fixed(Payload),
    Template {
        template: Template,
        /// Raw members of the task definition's `inputTemplate`: they stand in for members that resolve to null.
        fallback: Map<String, Value>,
    },
}

/// When and how often a failed attempt is repeated.
#[derive(Clone, Debug)]
pub struct RetryRule {
    pub count: i32,
    pub logic: RetryLogic,
    /// Seconds.
    pub delay_s: i32,
    pub scale: i32,
    /// Seconds; 0 = no limit.
    pub max_delay_s: i32,
    pub jitter_ms: i32,
}

/// Time-outs of a task; `None` where there is none.
#[derive(Clone, Debug)]
pub struct TimeoutRule {
    pub policy: TaskTimeoutPolicy,
    /// From the first scheduling of the first attempt.
    pub total: Option<Span>,
    /// From the first poll.
    pub task: Option<Span>,
    /// Without a poll.
    pub poll: Option<Span>,
    /// Without a sign of life from its worker.
    pub response: Option<Span>,
}
