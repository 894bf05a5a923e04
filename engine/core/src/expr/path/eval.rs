//! Walks a document along the steps of a path, within a budget.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value};

use super::super::Scope;
use super::Step;

/// Values looked at or copied by one evaluation, also by the filters in it.
const BUDGET: u64 = 1_000_000;
/// Nesting of documents and filters.
const MAX_DEPTH: usize = 512;

/// The evaluation was abandoned: budget spent, or something that is an error and not just missing.
#[derive(Debug)]
pub(super) struct Abandoned;

pub(super) struct Eval<'s> {
    pub(super) scope: &'s dyn Scope,
    budget: Cell<u64>,
    depth: Cell<usize>,
}

/// A place in a document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'a> {
    Object(&'a Map<String, Value>),
    Value(&'a Value),
}

impl<'a> Node<'a> {
    pub(super) fn object(self) -> Option<&'a Map<String, Value>> {
        match self {
            Node::Object(map) | Node::Value(Value::Object(map)) => Some(map),
            Node::Value(_) => None,
        }
    }

    pub(super) fn list(self) -> Option<&'a [Value]> {
        match self {
            Node::Value(Value::Array(list)) => Some(list),
            _ => None,
        }
    }

    fn children(self) -> Box<dyn Iterator<Item = Node<'a>> + 'a> {
        match self {
            Node::Object(map) | Node::Value(Value::Object(map)) => Box::new(map.values().map(Node::Value)),
            Node::Value(Value::Array(list)) => Box::new(list.iter().map(Node::Value)),
            Node::Value(_) => Box::new(std::iter::empty()),
        }
    }

    pub(super) fn child(self, step: &Step) -> Option<Node<'a>> {
        match step {
            Step::Name(name) => self.object()?.get(name).map(Node::Value),
            Step::Index(index) => at(self.list()?, *index).map(Node::Value),
            _ => None,
        }
    }

    pub(super) fn to_value(self) -> Value {
        match self {
            Node::Object(map) => Value::Object(map.clone()),
            Node::Value(v) => v.clone(),
        }
    }
}

/// The item at an index; a negative one counts from the end.
fn at(list: &[Value], index: i64) -> Option<&Value> {
    let index = if index < 0 { i64::try_from(list.len()).ok()?.checked_add(index)? } else { index };
    list.get(usize::try_from(index).ok()?)
}

fn weight(node: Node<'_>) -> u64 {
    1 + node.children().map(weight).sum::<u64>()
}

impl<'s> Eval<'s> {
    pub(super) fn new(scope: &'s dyn Scope) -> Self {
        Eval { scope, budget: Cell::new(BUDGET), depth: Cell::new(0) }
    }

    /// All roots as one document: made only for paths that do not start with the name of a root.
    pub(super) fn document(&self) -> Map<String, Value> {
        self.scope
            .names()
            .into_iter()
            .filter_map(|name| self.scope.root(&name).map(Cow::into_owned).map(|root| (name, root)))
            .collect()
    }

    pub(super) fn spend(&self, cost: u64) -> Result<(), Abandoned> {
        let left = self.budget.get().checked_sub(cost).ok_or(Abandoned)?;
        self.budget.set(left);
        Ok(())
    }

    /// Appends the values that the steps reach from a place.
    pub(super) fn gather(
        &self,
        node: Node<'_>,
        steps: &[Step],
        out: &mut Vec<Value>,
    ) -> Result<(), Abandoned> {
        self.spend(1)?;
        if self.depth.get() >= MAX_DEPTH {
            return Err(Abandoned);
        }
        self.depth.set(self.depth.get() + 1);
        let result = self.step(node, steps, out);
        self.depth.set(self.depth.get() - 1);
        result
    }

    fn step(&self, node: Node<'_>, steps: &[Step], out: &mut Vec<Value>) -> Result<(), Abandoned> {
        let Some((step, rest)) = steps.split_first() else {
            self.spend(weight(node))?;
            out.push(node.to_value());
            return Ok(());
        };
        match step {
            Step::Name(_) | Step::Index(_) => match node.child(step) {
                Some(child) => self.gather(child, rest, out),
                None => Ok(()),
            },
            Step::Names(names) => self.names(node, names, rest, out),
            Step::Indexes(indexes) => {
                let Some(list) = node.list() else { return Ok(()) };
                self.each(indexes.iter().filter_map(|index| at(list, *index)).map(Node::Value), rest, out)
            }
            Step::Slice { from, to } => {
                let Some(list) = node.list() else { return Ok(()) };
                let picked = slice(list.len(), *from, *to).filter_map(|index| at(list, index));
                self.each(picked.map(Node::Value), rest, out)
            }
            Step::Wildcard => self.each(node.children(), rest, out),
            Step::Scan => self.scan(node, rest, out),
            Step::Filter(filter) => match (node.object(), node.list()) {
                (Some(_), _) => {
                    if filter.accepts(node, self)? {
                        self.gather(node, rest, out)?;
                    }
                    Ok(())
                }
                (_, Some(list)) => {
                    for item in list {
                        if filter.accepts(Node::Value(item), self)? {
                            self.gather(Node::Value(item), rest, out)?;
                        }
                    }
                    Ok(())
                }
                // a filter on a bare value is a mistake in the path, not just an empty result
                _ => Err(Abandoned),
            },
            Step::Call(call) => {
                let value = call.apply(node, self)?;
                self.gather(Node::Value(&value), rest, out)
            }
        }
    }

    fn each<'a>(
        &self,
        nodes: impl Iterator<Item = Node<'a>>,
        rest: &[Step],
        out: &mut Vec<Value>,
    ) -> Result<(), Abandoned> {
        for node in nodes {
            self.gather(node, rest, out)?;
        }
        Ok(())
    }

    /// `['a','b']`: at the end of a path one object with these members, in the middle each of them.
    fn names(
        &self,
        node: Node<'_>,
        names: &[String],
        rest: &[Step],
        out: &mut Vec<Value>,
    ) -> Result<(), Abandoned> {
        let Some(map) = node.object() else { return Ok(()) };
        if !rest.is_empty() {
            return self.each(names.iter().filter_map(|name| map.get(name)).map(Node::Value), rest, out);
        }
        let mut picked = Map::new();
        for (name, value) in names.iter().filter_map(|name| map.get_key_value(name)) {
            self.spend(weight(Node::Value(value)))?;
            picked.insert(name.clone(), value.clone());
        }
        out.push(Value::Object(picked));
        Ok(())
    }

    /// `..`: the next step at this place and at every place below it, parents first.
    fn scan(&self, node: Node<'_>, steps: &[Step], out: &mut Vec<Value>) -> Result<(), Abandoned> {
        let applies = match steps.first() {
            Some(Step::Name(name)) => node.object().is_some_and(|map| map.contains_key(name)),
            Some(Step::Names(names)) => node
                .object()
                .is_some_and(|map| steps.len() > 1 || names.iter().all(|name| map.contains_key(name))),
            Some(Step::Index(_) | Step::Indexes(_) | Step::Slice { .. }) => node.list().is_some(),
            Some(Step::Wildcard) => node.object().is_some() || node.list().is_some(),
            // lists give their items to the walk below, so only objects are tested here
            Some(Step::Filter(_)) => node.object().is_some(),
            Some(Step::Scan | Step::Call(_)) | None => false,
        };
        if applies {
            self.gather(node, steps, out)?;
        }
        self.spend(1)?;
        if self.depth.get() >= MAX_DEPTH {
            return Err(Abandoned);
        }
        self.depth.set(self.depth.get() + 1);
        let result = node
            .children()
            .filter(|child| child.object().is_some() || child.list().is_some())
            .try_for_each(|child| self.scan(child, steps, out));
        self.depth.set(self.depth.get() - 1);
        result
    }
}

/// The indexes of a slice. `[-2:]` counts from the end; in `[a:b]` the bounds are taken as they are.
fn slice(len: usize, from: Option<i64>, to: Option<i64>) -> std::ops::Range<i64> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    match (from, to) {
        (Some(from), None) => {
            let from = if from < 0 { len.saturating_add(from).max(0) } else { from };
            from..len
        }
        (None, Some(to)) => 0..(if to < 0 { len.saturating_add(to) } else { to }).min(len),
        // no index lies further from the end than the length
        (Some(from), Some(to)) => from.max(-len)..to.min(len),
        (None, None) => 0..0,
    }
}
