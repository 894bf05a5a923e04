//! The fields that can be searched: the members of the two summaries (contract §5.12, §5.13).

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Runs,
    Tasks,
}

/// How a field's values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Time,
    /// A payload: equality means that it has these words.
    Payload,
}

/// A field of a run or of a task; the scope says which of them a query may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    RunId,
    CorrelationId,
    /// The name of the workflow.
    RunName,
    RunVersion,
    /// The run's priority, also of its tasks.
    Priority,
    RunStatus,
    RunStart,
    RunUpdate,
    RunEnd,
    RunReason,
    RunExecutionTime,
    RunInput,
    RunOutput,
    Event,
    FailedRefs,
    FailedNames,
    ExternalInput,
    ExternalOutput,
    ParentId,
    Classifier,
    /// A member that Conductor has and nothing ever sets: always null.
    Unset,
    TaskId,
    TaskType,
    TaskDefName,
    TaskStatus,
    TaskScheduled,
    TaskStart,
    TaskUpdate,
    TaskEnd,
    TaskReason,
    TaskExecutionTime,
    QueueWaitTime,
    TaskInput,
    TaskOutput,
    Domain,
    RefName,
}

const RUNS: [(&str, Field); 22] = [
    ("workflowId", Field::RunId),
    ("correlationId", Field::CorrelationId),
    ("workflowType", Field::RunName),
    ("version", Field::RunVersion),
    ("priority", Field::Priority),
    ("status", Field::RunStatus),
    ("startTime", Field::RunStart),
    ("updateTime", Field::RunUpdate),
    ("endTime", Field::RunEnd),
    ("reasonForIncompletion", Field::RunReason),
    ("executionTime", Field::RunExecutionTime),
    ("input", Field::RunInput),
    ("output", Field::RunOutput),
    ("event", Field::Event),
    ("failedReferenceTaskNames", Field::FailedRefs),
    ("failedTaskNames", Field::FailedNames),
    ("externalInputPayloadStoragePath", Field::ExternalInput),
    ("externalOutputPayloadStoragePath", Field::ExternalOutput),
    ("parentWorkflowId", Field::ParentId),
    ("classifier", Field::Classifier),
    ("createdBy", Field::Unset),
    ("idempotencyKey", Field::Unset),
];

const TASKS: [(&str, Field); 19] = [
    ("workflowId", Field::RunId),
    ("correlationId", Field::CorrelationId),
    ("workflowType", Field::RunName),
    ("workflowPriority", Field::Priority),
    ("taskId", Field::TaskId),
    ("taskType", Field::TaskType),
    ("taskDefName", Field::TaskDefName),
    ("status", Field::TaskStatus),
    ("scheduledTime", Field::TaskScheduled),
    ("startTime", Field::TaskStart),
    ("updateTime", Field::TaskUpdate),
    ("endTime", Field::TaskEnd),
    ("reasonForIncompletion", Field::TaskReason),
    ("executionTime", Field::TaskExecutionTime),
    ("queueWaitTime", Field::QueueWaitTime),
    ("input", Field::TaskInput),
    ("output", Field::TaskOutput),
    ("domain", Field::Domain),
    ("referenceTaskName", Field::RefName),
];

impl Scope {
    fn fields(self) -> &'static [(&'static str, Field)] {
        match self {
            Scope::Runs => &RUNS,
            Scope::Tasks => &TASKS,
        }
    }

    /// The field of a name as the summaries spell it.
    pub fn field(self, name: &str) -> Option<Field> {
        self.fields().iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// What may be named, for messages.
    pub(super) fn known(self) -> String {
        let names: Vec<&str> = self.fields().iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

impl Field {
    pub const fn kind(self) -> Kind {
        match self {
            Field::RunVersion
            | Field::Priority
            | Field::RunExecutionTime
            | Field::TaskExecutionTime
            | Field::QueueWaitTime => Kind::Int,
            Field::RunStart
            | Field::RunUpdate
            | Field::RunEnd
            | Field::TaskScheduled
            | Field::TaskStart
            | Field::TaskUpdate
            | Field::TaskEnd => Kind::Time,
            Field::RunInput | Field::RunOutput | Field::TaskInput | Field::TaskOutput => Kind::Payload,
            Field::RunId
            | Field::CorrelationId
            | Field::RunName
            | Field::RunStatus
            | Field::RunReason
            | Field::Event
            | Field::FailedRefs
            | Field::FailedNames
            | Field::ExternalInput
            | Field::ExternalOutput
            | Field::ParentId
            | Field::Classifier
            | Field::Unset
            | Field::TaskId
            | Field::TaskType
            | Field::TaskDefName
            | Field::TaskStatus
            | Field::TaskReason
            | Field::Domain
            | Field::RefName => Kind::Text,
        }
    }

    /// Whether it is the run's, so that all tasks of a run have the same value.
    pub const fn is_of_run(self) -> bool {
        matches!(self, Field::RunId | Field::CorrelationId | Field::RunName | Field::Priority)
    }
}
