//! Compiles a snapshot.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::graph::{Flow, FlowGraph};
use super::node::{Input, Node, NodeIx, RetryRule, TimeoutRule};
use super::{Plan, Snapshot};
use crate::cache::CacheRule;
use crate::def::{RetryLogic, TaskConfig, TaskDef, TaskTimeoutPolicy, WorkflowTimeoutPolicy};
use crate::expr::{Scope, Template};
use crate::payload::Payload;
use crate::schema::Schemas;
use crate::tasks;
use crate::time::Span;

impl Plan {
    /// Works out everything about a snapshot that no run changes. Types that nobody knows become worker tasks.
    /// An error names what makes the definition impossible to run: two tasks with one reference name, or none.
    pub fn compile(snapshot: &Snapshot) -> Result<Plan, String> {
        let def = snapshot.def.clone();
        let mut compiler = Compiler::default();
        let top = compiler.list(&def.tasks, None, None)?;
        compiler.link(&top, None);
        compiler.join();
        let graph = compiler.graph();
        if graph.order().is_none() {
            return Err("the definition leads back to itself".to_owned());
        }
        let timeout = match def.timeout_policy {
            WorkflowTimeoutPolicy::TimeOutWf => positive(def.timeout_seconds),
            WorkflowTimeoutPolicy::AlertOnly => None,
        };
        let output =
            (!def.output_parameters.is_empty()).then(|| Template::compile_map(&def.output_parameters));
        let schemas = Schemas::of(def.enforce_schema, def.input_schema.as_ref(), def.output_schema.as_ref())
            .map_err(|(member, fault)| format!("{member} is no JSON schema: {fault}"))?;
        Ok(Plan {
            schemas,
            hash: snapshot.hash(),
            permissive: compiler.nodes.iter().any(|n| n.permissive && !n.optional),
            state_changes: compiler.nodes.iter().any(|n| !n.config.on_state_change.is_empty()),
            may_terminate: compiler.nodes.iter().any(|n| n.kind.may_terminate()),
            first: top.first().copied(),
            top,
            graph,
            output,
            timeout,
            def,
            nodes: compiler.nodes,
            by_ref: compiler.by_ref,
            def_text: OnceLock::new(),
        })
    }
}

/// The tasks of a dynamic fork, each a list of its own, as nodes from the position `base` of the run's branches on. Of a
/// reference that comes twice only the first is reached by its name.
pub(crate) fn compile_branches(configs: &[TaskConfig], base: usize, fork: &str) -> Vec<Arc<Node>> {
    let mut compiler = Compiler { base: Some(base), fork: Some(fork.into()), ..Compiler::default() };
    for config in configs {
        // in this form it refuses nothing
        let _ = compiler.task(config, None, None);
    }
    compiler.link_loops();
    compiler.join();
    compiler.nodes.into_iter().map(Arc::new).collect()
}

#[derive(Default)]
struct Compiler {
    nodes: Vec<Node>,
    by_ref: HashMap<Arc<str>, NodeIx>,
    /// For the branches of a dynamic fork: their first position, and the fork.
    base: Option<usize>,
    fork: Option<Arc<str>>,
}

impl Compiler {
    fn next_ix(&self) -> NodeIx {
        match self.base {
            Some(base) => NodeIx::branch(base + self.nodes.len()),
            None => NodeIx::new(self.nodes.len()),
        }
    }

    fn at(&mut self, ix: NodeIx) -> &mut Node {
        &mut self.nodes[ix.index() - self.base.unwrap_or(0)]
    }

    fn list(
        &mut self,
        tasks: &[TaskConfig],
        parent: Option<NodeIx>,
        in_loop: Option<NodeIx>,
    ) -> Result<Vec<NodeIx>, String> {
        tasks.iter().map(|task| self.task(task, parent, in_loop)).collect()
    }

    fn task(
        &mut self,
        config: &TaskConfig,
        parent: Option<NodeIx>,
        in_loop: Option<NodeIx>,
    ) -> Result<NodeIx, String> {
        let ix = self.next_ix();
        let mut node = node(ix, config, parent);
        node.in_loop = in_loop;
        node.schemas = match schemas(config.task_definition.as_ref()) {
            Ok(schemas) => schemas.map(Arc::new),
            // nobody has looked at the tasks that a dynamic fork brings
            Err(_) if self.base.is_some() => None,
            Err((member, fault)) => {
                return Err(format!(
                    "{member} of the task definition {:?} is no JSON schema: {fault}",
                    config.name()
                ));
            }
        };
        node.fork = self.fork.clone();
        if node.ref_name.is_empty() {
            return Err(format!("task {:?} has no taskReferenceName", config.name()));
        }
        if self.by_ref.contains_key(&node.ref_name) {
            if self.base.is_none() {
                return Err(format!("two tasks have the taskReferenceName {:?}", node.ref_name));
            }
        } else {
            self.by_ref.insert(node.ref_name.clone(), ix);
        }
        self.nodes.push(node);
        if let Some(around) = in_loop {
            self.at(around).body.push(ix);
        }
        for branch in &config.fork_tasks {
            let first = self.list(branch, Some(ix), in_loop)?.first().copied();
            self.at(ix).branches.push(first);
        }
        for (name, case) in &config.decision_cases {
            let first = self.list(case, Some(ix), in_loop)?.first().copied();
            self.at(ix).cases.push((name.clone(), first));
        }
        let first = self.list(&config.default_case, Some(ix), in_loop)?.first().copied();
        self.at(ix).default_case = first;
        let first = self.list(&config.loop_over, Some(ix), Some(ix))?.first().copied();
        self.at(ix).loop_first = first;
        Ok(ix)
    }

    /// Sets `next` in a list whose end is followed by `after`.
    fn link(&mut self, list: &[NodeIx], after: Option<NodeIx>) {
        for (at, ix) in list.iter().enumerate() {
            let next = list.get(at + 1).copied().or(after);
            let node = self.at(*ix);
            node.next = next;
            let config = node.config.clone();
            if node.kind.name() == "FORK_JOIN_DYNAMIC"
                && let Some(next) = next
            {
                self.at(next).joins_dynamic = true;
            }
            for branch in &config.fork_tasks {
                self.link_configs(branch, next);
            }
            for case in config.decision_cases.values() {
                self.link_configs(case, next);
            }
            self.link_configs(&config.default_case, next);
            self.link_configs(&config.loop_over, None);
        }
    }

    /// Links the bodies of loops alone: outside of them a task of a branch has no successor.
    fn link_loops(&mut self) {
        for at in 0..self.nodes.len() {
            let config = self.nodes[at].config.clone();
            self.link_configs(&config.loop_over, None);
        }
    }

    fn link_configs(&mut self, tasks: &[TaskConfig], after: Option<NodeIx>) {
        let list: Vec<NodeIx> = tasks.iter().filter_map(|t| self.by_ref.get(t.ref_name()).copied()).collect();
        self.link(&list, after);
    }

    fn join(&mut self) {
        for at in 0..self.nodes.len() {
            let join = self.nodes[at].ix;
            let config = self.nodes[at].config.clone();
            for name in self.nodes[at].kind.watches(&config) {
                if let Some(ix) = self.by_ref.get(name).copied()
                    && !self.at(ix).joined_by.contains(&join)
                {
                    self.at(ix).joined_by.push(join);
                }
            }
        }
    }

    fn graph(&self) -> FlowGraph {
        let mut graph = FlowGraph::new(self.nodes.len());
        for node in &self.nodes {
            if let Some(next) = node.next {
                graph.connect(node.ix, next, Flow::Next);
            }
            let cases = node.cases.iter().map(|(_, first)| *first);
            let inner = [node.default_case, node.loop_first];
            for first in node.branches.iter().copied().chain(cases).chain(inner).flatten() {
                graph.connect(node.ix, first, Flow::Into);
            }
            // it may name tasks that come after it, by mistake; such an edge would only hide the real flow
            for join in node.joined_by.iter().filter(|join| **join > node.ix) {
                graph.connect(node.ix, *join, Flow::Joins);
            }
        }
        graph
    }
}

fn schemas(def: Option<&TaskDef>) -> Result<Option<Schemas>, (&'static str, String)> {
    let Some(def) = def else { return Ok(None) };
    Schemas::of(def.enforce_schema, def.input_schema.as_ref(), def.output_schema.as_ref())
}

fn node(ix: NodeIx, config: &TaskConfig, parent: Option<NodeIx>) -> Node {
    let kind = tasks::kind(config.kind());
    let mut own = config.clone();
    kind.prepare(&mut own);
    let def = config.task_definition.as_ref();
    Node {
        ix,
        ref_name: config.ref_name().into(),
        task_type: kind.task_type(config).into(),
        def_name: kind.def_name(config).into(),
        kind,
        params: Template::compile_map(&own.input_parameters),
        input: input(&own, if kind.uses_template() { def } else { None }),
        retry: retry_rule(config, def),
        timeout: timeout_rule(kind.name(), def),
        next: None,
        parent,
        in_loop: None,
        loop_first: None,
        body: Vec::new(),
        fork: None,
        joins_dynamic: false,
        branches: Vec::new(),
        cases: Vec::new(),
        default_case: None,
        joined_by: Vec::new(),
        optional: config.optional,
        permissive: config.permissive,
        schemas: None,
        cache: CacheRule::of(config).map(Arc::new),
        variants: if kind.is_chosen() { tasks::variants() } else { Vec::new() },
        // the text that clients read is the definition as it was given
        config: config.clone(),
        text: OnceLock::new(),
        def_text: OnceLock::new(),
    }
}

fn input(config: &TaskConfig, def: Option<&TaskDef>) -> Input {
    let mut params = config.input_parameters.clone();
    let fallback = def.map(|d| d.input_template.clone()).unwrap_or_default();
    for (key, value) in &fallback {
        let given = params.get(key).is_some_and(|v| !v.is_null());
        if !given {
            params.insert(key.clone(), value.clone());
        }
    }
    let template = Template::compile_map(&params);
    if template.is_plain() {
        Input::Fixed(Payload::from_map(with_fallback(template.render_map(&Nothing), &fallback)))
    } else {
        Input::Template { template, fallback }
    }
}

/// Members that resolved to null get the raw value of the task definition's template.
pub(crate) fn with_fallback(
    mut input: Map<String, Value>,
    fallback: &Map<String, Value>,
) -> Map<String, Value> {
    for (key, value) in fallback {
        if let Some(slot) = input.get_mut(key)
            && slot.is_null()
        {
            *slot = value.clone();
        }
    }
    input
}

fn retry_rule(config: &TaskConfig, def: Option<&TaskDef>) -> RetryRule {
    match def {
        None => RetryRule {
            count: 0,
            logic: RetryLogic::Fixed,
            delay_s: 0,
            scale: 1,
            max_delay_s: 0,
            jitter_ms: 0,
        },
        Some(d) => RetryRule {
            count: config.retry_count.unwrap_or(d.retry_count),
            logic: d.retry_logic,
            delay_s: d.retry_delay_seconds,
            scale: d.backoff_scale_factor.unwrap_or(1),
            max_delay_s: d.max_retry_delay_seconds,
            jitter_ms: d.backoff_jitter_ms,
        },
    }
}

fn timeout_rule(kind: &str, def: Option<&TaskDef>) -> TimeoutRule {
    match def {
        None => TimeoutRule {
            policy: TaskTimeoutPolicy::AlertOnly,
            total: None,
            task: None,
            poll: None,
            // a worker's branch of a dynamic fork without a definition: it must not hang for ever
            response: (kind == "SIMPLE")
                .then(|| Span::from_secs(TaskDef::default().response_timeout_seconds)),
        },
        Some(d) => TimeoutRule {
            policy: d.timeout_policy,
            total: positive(d.total_timeout_seconds),
            task: positive(d.timeout_seconds),
            poll: d.poll_timeout_seconds.map(i64::from).and_then(positive),
            response: positive(d.response_timeout_seconds),
        },
    }
}

fn positive(seconds: i64) -> Option<Span> {
    (seconds > 0).then(|| Span::from_secs(seconds))
}

/// A scope without roots, for inputs that read none.
struct Nothing;

impl Scope for Nothing {
    fn root(&self, _name: &str) -> Option<std::borrow::Cow<'_, Value>> {
        None
    }

    fn task_id(&self) -> Option<String> {
        None
    }
}
