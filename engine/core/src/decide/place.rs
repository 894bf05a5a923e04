//! Where in the run's loops a row stands.
//!
//! ```text
//! outside of loops          t
//! loop, 2nd iteration       t__2
//! loop in a loop            t__2_1      1st of the inner loop, in the 2nd of the outer
//! ```

use std::sync::Arc;

use crate::task::TaskState;

/// The suffix that all rows of one pass through a loop have in common, and the number of the pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    suffix: Arc<str>,
    pub(crate) iteration: i32,
}

impl Place {
    /// The place of a row of the reference `base`.
    pub(crate) fn of(row: &TaskState, base: &str) -> Place {
        match row.ref_name.strip_prefix(base) {
            Some(suffix) if !suffix.is_empty() => {
                let iteration = suffix.rsplit('_').next().and_then(|n| n.parse().ok()).unwrap_or_default();
                Place { suffix: suffix.into(), iteration }
            }
            _ => Place::default(),
        }
    }

    /// The place of a pass through the body of a loop that stands here itself.
    pub(crate) fn inside(&self, iteration: i32) -> Place {
        let mark = if self.suffix.is_empty() { "__" } else { "_" };
        Place { suffix: format!("{}{mark}{iteration}", self.suffix).into(), iteration }
    }

    /// The place of the loop whose pass this is.
    pub(crate) fn outside(&self) -> Place {
        let Some((outer, _)) = self.suffix.rsplit_once('_') else { return Place::default() };
        let outer = outer.strip_suffix('_').unwrap_or(outer);
        let iteration = outer.rsplit('_').next().and_then(|n| n.parse().ok()).unwrap_or_default();
        Place { suffix: outer.into(), iteration }
    }

    /// The name that a row of this reference has here.
    pub(crate) fn name(&self, base: &Arc<str>) -> Arc<str> {
        if self.suffix.is_empty() { base.clone() } else { format!("{base}{}", self.suffix).into() }
    }

    pub(crate) fn name_of(&self, base: &str) -> String {
        format!("{base}{}", self.suffix)
    }

    pub(crate) fn suffix(&self) -> &Arc<str> {
        &self.suffix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_nest() {
        let top = Place::default();
        let outer = top.inside(12);
        let inner = outer.inside(3);
        let name = Arc::from("t");
        assert_eq!((&*top.name(&name), &*outer.name(&name), &*inner.name(&name)), ("t", "t__12", "t__12_3"));
        assert_eq!((inner.iteration, inner.outside(), outer.outside()), (3, outer, top));
    }
}
