// SPDX-License-Identifier: MIT

//! The servers that --drain is about, and what is done with them.

use super::make_compulsory;
use crate::{
    args::{
        error::UsageError,
        name::{self, CommandName},
        raw::RawOptions,
        rules,
    },
    command::{
        Request, Wait,
        drain::{Awaited, Drain, DrainTask, Quiesce, ServerName, Undo, WaitForEnd},
    },
};

impl RawOptions<'_> {
    pub(super) fn make_drain(&self) -> Result<Request, UsageError> {
        let service = self.service.as_ref().map(|service| service.value);
        let server = self.server.as_ref().map(|server| {
            let (address, port) = server.value;
            ServerName { address, port }
        });
        let task = if self.has(name::UNDO) {
            for group in [name::WAIT, name::IDLE, name::REMOVE] {
                if self.has(group) {
                    return Err(UsageError::Conflict {
                        owner: rules::name_owner(CommandName::Drain),
                        group: name::UNDO,
                        other: group,
                    });
                }
            }
            DrainTask::Undo(Undo { service, server })
        } else {
            DrainTask::Quiesce(Quiesce {
                service,
                server: server
                    .ok_or_else(|| make_compulsory(CommandName::Drain, name::REAL_SERVER))?,
                wait: self.make_wait_for_end()?,
            })
        };
        Ok(Request::Drain(Drain {
            task,
            form: self.choose_form(),
        }))
    }

    fn make_wait_for_end(&self) -> Result<Option<WaitForEnd>, UsageError> {
        let remove = self.has(name::REMOVE);
        if !self.has(name::WAIT) && !remove {
            return match self.has(name::IDLE) {
                true => Err(UsageError::OnlyWith {
                    group: name::IDLE,
                    with: "--wait and --remove",
                }),
                false => Ok(None),
            };
        }
        Ok(Some(WaitForEnd {
            awaited: match self.has(name::IDLE) {
                true => Awaited::All,
                false => Awaited::Active,
            },
            time: self.wait.unwrap_or(Wait::WithoutEnd),
            remove,
        }))
    }
}
