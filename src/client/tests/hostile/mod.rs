// SPDX-License-Identifier: MIT

//! Every operation of the client, against every way in which a kernel can answer badly.
//!
//! Each pair must come to an end. A value that is returned is the true one; an error names
//! the operation and its object. Of a change, what is reported agrees with what the
//! kernel's table has afterwards, or the error says that this is not known. And the same
//! client then reads what is so.

mod behaviours;
mod kernel;
mod messages;
mod operations;

use self::{
    behaviours::{BEHAVIOURS, OPTION_BEHAVIOURS},
    kernel::HostileKernel,
    operations::{Call, Row, everything, honest_kernel, plan, rows},
};
use crate::{
    Change, Client, Error, Interface, Operation,
    plan::{Plan, Undoing},
    testing::FakeKernel,
};

/// More calls than any pair can take: all the times that something is read again, each
/// with all that is passed over.
const MOST_CALLS: usize = 30_000;

/// More room for one answer than is ever to be made: a megabyte and what it is rounded to.
const MOST_ROOM: usize = 2 * 1024 * 1024;

/// Nothing, or the fault of a pair.
type Verdict = std::result::Result<(), String>;

fn check(holds: bool, otherwise: impl Into<String>) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

/// Checks that an error names its operation, and says so if the change may be made.
fn check_error(row: &Row, error: &Error) -> Verdict {
    let operation = error.operation();
    check(
        operation.is_some_and(|operation| row.operations.contains(&operation)),
        format!("the error is of another operation: {error}"),
    )?;
    check(
        error.to_string().contains("may have been") == error.may_have_been_done(),
        format!("the text says otherwise: {error}"),
    )
}

/// What comes of an operation when the kernel answers well.
struct Honest {
    /// What is read.
    value: String,
    plan: Plan,
    /// All that there is in the kernel before, and after.
    before: String,
    after: String,
}

impl Honest {
    fn of(row: &Row, kernel: &FakeKernel, interface: Interface) -> Self {
        let kernel = kernel.copy();
        let before = everything(&kernel);
        let mut client = kernel.client_over(interface).unwrap();
        let plan = plan(&mut client);
        let mut value = String::new();
        match row.call {
            Call::Read(read) => value = read(&mut client).unwrap(),
            Call::Change(change) => change(&mut client).unwrap(),
            Call::Apply(apply, changes) => drop(apply(&mut client, &changes()).unwrap()),
            Call::CarryOut(carry_out) => carry_out(&mut client, &plan).unwrap(),
        }
        let after = everything(&kernel);
        let is_reading = matches!(row.call, Call::Read(_));
        assert_eq!(before == after, is_reading, "{} does not do it", row.name);
        Self {
            value,
            plan,
            before,
            after,
        }
    }
}

/// A behaviour over either interface.
struct Met {
    name: &'static str,
    spares_readings: bool,
    spares_changes: bool,
    begin: Box<dyn Fn(&HostileKernel)>,
}

/// Carries an operation out that meets a behaviour, and checks what comes of it.
fn judge(
    row: &Row,
    expected: &Honest,
    kernel: &HostileKernel,
    client: &mut Client,
    met: &Met,
) -> Verdict {
    let honest = kernel.honest.copy();
    (met.begin)(kernel);
    let spared = |error: &dyn std::fmt::Display, is_spared: bool| {
        check(!is_spared, format!("it fails without need: {error}"))
    };
    match row.call {
        Call::Read(read) => {
            let outcome = read(client);
            bounded(kernel)?;
            match outcome {
                Ok(value) => check(value == expected.value, "the value is another")?,
                Err(error) => {
                    spared(&error, met.spares_readings)?;
                    check_error(row, &error)?;
                    check(!error.may_have_been_done(), "nothing was to be done")?;
                }
            }
            let now = everything(&kernel.honest);
            check(now == expected.before, "it has changed something")
        }
        Call::Change(change) => {
            let outcome = change(client);
            bounded(kernel)?;
            let now = everything(&kernel.honest);
            let Err(error) = outcome else {
                return check(now == expected.after, "it is reported as made, and is not");
            };
            spared(&error, met.spares_changes)?;
            judge_failure(row, &error, now == expected.before)
        }
        Call::Apply(apply, changes) => {
            let changes = changes();
            let outcome = apply(client, &changes);
            bounded(kernel)?;
            let now = everything(&kernel.honest);
            let refused = match outcome {
                Ok(refused) => refused,
                Err(error) => {
                    spared(&error, met.spares_changes)?;
                    return judge_failure(row, &error, now == expected.before);
                }
            };
            check(
                refused.is_sorted_by(|(a, _), (b, _)| a < b),
                format!("refusals come twice: {refused:?}"),
            )?;
            for (_, error) in &refused {
                judge_failure(row, error, true)?;
                check(!error.may_have_been_done(), "not known, and not said")?;
            }
            let is_made = |index| refused.iter().all(|(refused, _)| *refused != index);
            let made: Vec<Change> = changes
                .into_iter()
                .enumerate()
                .filter_map(|(index, change)| is_made(index).then_some(change))
                .collect();
            let other = honest.copy();
            let mut client = other.client().unwrap();
            check(
                apply(&mut client, &made).unwrap().is_empty() && everything(&other) == now,
                "others were made than is reported",
            )?;
            if met.spares_changes {
                check(now == expected.after, "fewer were made")?;
            }
            Ok(())
        }
        Call::CarryOut(carry_out) => {
            let outcome = carry_out(client, &expected.plan);
            bounded(kernel)?;
            let now = everything(&kernel.honest);
            let Err(failure) = outcome else {
                return check(now == expected.after, "it is reported as done, and is not");
            };
            spared(&failure, met.spares_changes)?;
            for (_, error) in &failure.refused {
                judge_failure(row, error, true)?;
            }
            match failure.undoing {
                Undoing::Done => check(now == expected.before, "it is not undone"),
                Undoing::Failed(errors) => check(!errors.is_empty(), "it says not what failed"),
            }
        }
    }
}

/// Checks the error of a change: it says that it may have been made, or it was not.
fn judge_failure(row: &Row, error: &Error, was_not_made: bool) -> Verdict {
    check_error(row, error)?;
    check(
        was_not_made || error.may_have_been_done(),
        format!("it was made, and is reported as failed: {error}"),
    )
}

/// Lets the kernel behave well, and checks that the calls until then had bounds.
fn bounded(kernel: &HostileKernel) -> Verdict {
    let (calls, room) = kernel.behave_well();
    check(calls <= MOST_CALLS, format!("{calls} calls"))?;
    check(room <= MOST_ROOM, format!("{room} bytes for an answer"))
}

/// Checks that the client reads what is so after all that.
fn recovers(kernel: &HostileKernel, client: &mut Client) -> Verdict {
    let mut other = kernel.honest.client_over(client.interface()).unwrap();
    let truth = (other.timeouts().unwrap(), other.services().unwrap());
    match (client.timeouts(), client.services()) {
        (Ok(timeouts), Ok(services)) => check(
            (timeouts, services) == truth,
            "the next reading is of another",
        ),
        (timeouts, services) => {
            let errors = (timeouts.err(), services.err());
            Err(format!("the next reading fails: {errors:?}"))
        }
    }
}

/// Lets every operation meet every behaviour.
fn try_all(interface: Interface, behaviours: Vec<Met>) {
    let mut wrong = Vec::new();
    let honest = honest_kernel();
    let mut pairs = 0;
    for row in &rows() {
        let expected = Honest::of(row, &honest, interface);
        for met in &behaviours {
            let kernel = HostileKernel::new(honest.copy());
            let mut client = Client::over(Box::new(kernel.clone()), Some(interface), []).unwrap();
            let verdict = judge(row, &expected, &kernel, &mut client, met);
            let verdict = verdict.and_then(|()| recovers(&kernel, &mut client));
            if let Err(reason) = verdict {
                wrong.push(format!("{}, and {}: {reason}", row.name, met.name));
            }
            pairs += 1;
        }
    }
    let count = wrong.len();
    assert!(
        wrong.is_empty(),
        "{count} of {pairs}:\n{}",
        wrong.join("\n")
    );
    println!("{pairs} pairs over {interface:?}");
}

#[test]
fn every_operation_over_netlink_ends_and_what_it_reports_is_so() {
    let behaviours = BEHAVIOURS.iter().map(|behaviour| Met {
        name: behaviour.name,
        spares_readings: behaviour.spares_readings,
        spares_changes: behaviour.spares_changes,
        begin: Box::new(|kernel| kernel.behave(behaviour)),
    });
    try_all(Interface::Netlink, behaviours.collect());
}

#[test]
fn every_operation_over_socket_options_ends_and_what_it_reports_is_so() {
    let behaviours = OPTION_BEHAVIOURS.iter().map(|behaviour| Met {
        name: behaviour.name,
        spares_readings: behaviour.spares_readings,
        spares_changes: behaviour.spares_changes,
        begin: Box::new(|kernel| kernel.behave_with_options(behaviour)),
    });
    try_all(Interface::SocketOptions, behaviours.collect());
}

#[test]
fn finding_ipvs_ends_whatever_the_kernel_answers() {
    let honest = honest_kernel();
    for behaviour in &BEHAVIOURS {
        let kernel = HostileKernel::new(honest.copy());
        kernel.behave(behaviour);
        let chosen = Some(Interface::Netlink);
        let outcome = Client::over(Box::new(kernel.clone()), chosen, []);
        assert_eq!(bounded(&kernel), Ok(()), "{}", behaviour.name);
        match outcome {
            Ok(mut client) => assert_eq!(recovers(&kernel, &mut client), Ok(())),
            Err(error) => {
                assert!(!behaviour.spares_readings, "{}: {error}", behaviour.name);
                assert_eq!(
                    error.operation(),
                    Some(Operation::Open),
                    "{}",
                    behaviour.name
                );
            }
        }
    }
}
