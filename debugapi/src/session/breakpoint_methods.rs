//! The methods of IDebugBreakpoint, and those of IDebugControl that lead to one.

use ringhold_emulator::Machine;

use super::breakpoints::{Breakpoint, Kind, check_flags};
use super::console::{Characters, deliver, deliver_as};
use super::{ANY_ID, Answer, Session, count, done};
use crate::HResult;
use crate::command::{Command, Input, Output};

impl Session {
    /// The list of breakpoints, as IDebugControl shows it.
    pub(super) fn breakpoint_list(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        let named = |breakpoint: Option<&Breakpoint>| {
            let breakpoint = breakpoint.ok_or(HResult::NOINTERFACE)?;
            done([Output::U64(breakpoint.handle())])
        };
        match command {
            Command::GetNumberBreakpoints {} => done([count(self.breakpoints().count())]),
            Command::GetBreakpointByIndex { index } => named(self.breakpoints().nth(*index as usize)),
            Command::GetBreakpointById { id } => named(self.breakpoint(*id)),
            Command::GetBreakpointParameters { count, ids, start } => {
                self.all_parameters(*count, ids, *start)
            }
            Command::AddBreakpoint { kind, desired_id } => {
                let desired = (*desired_id != ANY_ID).then_some(*desired_id);
                let handle = self.add_breakpoint(Kind::from_number(*kind)?, desired)?;
                done([Output::U64(handle)])
            }
            Command::RemoveBreakpoint { breakpoint } => {
                self.remove_breakpoint(machine, *breakpoint)?;
                done([])
            }
            _ => Err(HResult::NOTIMPL),
        }
    }

    /// GetBreakpointParameters: of those listed, or of `count` from the index `start` on. One that
    /// is not there is zero but for its id, which is DEBUG_ANY_ID, and makes the answer S_FALSE.
    fn all_parameters(&self, count: u32, ids: &Input<u32>, start: u32) -> Answer {
        let found: Vec<Option<&Breakpoint>> = match ids {
            Input::Given(ids) => ids.iter().map(|id| self.breakpoint(*id)).collect(),
            Input::Null(_) => {
                let all: Vec<&Breakpoint> = self.breakpoints().collect();
                // What is asked for beyond the end is not there; so many are not made up.
                let most = (all.len() as u64).max(1 << 16).min(count.into());
                (0..most).map(|at| all.get((u64::from(start) + at) as usize).copied()).collect()
            }
        };
        let hresult = if found.iter().any(Option::is_none) { HResult::FALSE } else { HResult::OK };
        let mut absent = vec![0; 56];
        absent[8..12].copy_from_slice(&ANY_ID.to_le_bytes());
        let bytes = found.into_iter().flat_map(|breakpoint| match breakpoint {
            Some(breakpoint) => breakpoint.parameters(),
            None => absent.clone(),
        });
        Ok((hresult, vec![Output::Bytes(bytes.collect())]))
    }

    /// A method of IDebugBreakpoint. E_NOINTERFACE if the breakpoint was removed.
    pub(super) fn breakpoint_method(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        let number = |value: u32| done([Output::U32(value)]);
        let changed = |result: Result<(), HResult>| result.and_then(|()| done([]));
        match command {
            Command::GetId { breakpoint } => number(self.breakpoint_object(*breakpoint)?.id()),
            Command::GetType { breakpoint } => {
                let kind = self.breakpoint_object(*breakpoint)?.kind().number();
                done([Output::U32(kind), Output::U32(super::control::AMD64)])
            }
            Command::GetFlags { breakpoint } => number(self.breakpoint_object(*breakpoint)?.flags()),
            Command::AddFlags { breakpoint, flags } => {
                let now = self.settable_flags(*breakpoint)?;
                changed(self.set_breakpoint_flags(machine, *breakpoint, now | flags))
            }
            Command::RemoveFlags { breakpoint, flags } => {
                let now = self.settable_flags(*breakpoint)?;
                check_flags(*flags)?;
                changed(self.set_breakpoint_flags(machine, *breakpoint, now & !flags))
            }
            Command::SetFlags { breakpoint, flags } => {
                changed(self.set_breakpoint_flags(machine, *breakpoint, *flags))
            }
            Command::GetOffset { breakpoint } => {
                let offset = self.breakpoint_object(*breakpoint)?.offset().ok_or(HResult::NOINTERFACE)?;
                done([Output::U64(offset)])
            }
            Command::SetOffset { breakpoint, offset } => {
                changed(self.set_breakpoint_offset(machine, *breakpoint, *offset))
            }
            Command::GetDataParameters { breakpoint } => {
                let object = self.breakpoint_object(*breakpoint)?;
                let (size, access) = object.data_parameters().ok_or(HResult::NOINTERFACE)?;
                done([Output::U32(size), Output::U32(access)])
            }
            Command::SetDataParameters { breakpoint, size, access_type } => {
                changed(self.set_breakpoint_data(machine, *breakpoint, *size, *access_type))
            }
            Command::GetPassCount { breakpoint } => number(self.breakpoint_object(*breakpoint)?.pass_count()),
            Command::SetPassCount { breakpoint, count } => {
                changed(self.set_breakpoint_passes(machine, *breakpoint, *count))
            }
            Command::GetCurrentPassCount { breakpoint } => {
                number(self.breakpoint_object(*breakpoint)?.current_pass_count())
            }
            Command::GetMatchThreadId { breakpoint } => {
                let thread = self.breakpoint_object(*breakpoint)?.match_thread();
                number(thread.ok_or(HResult::NOINTERFACE)?)
            }
            Command::SetMatchThreadId { breakpoint, thread } => {
                let thread = (*thread != ANY_ID).then_some(*thread);
                changed(self.set_breakpoint_thread(machine, *breakpoint, thread))
            }
            Command::GetCommand { breakpoint, buffer } => {
                deliver(*buffer, self.breakpoint_object(*breakpoint)?.command(), [])
            }
            Command::GetCommandWide { breakpoint, buffer } => {
                deliver_as(Characters::Wide, *buffer, self.breakpoint_object(*breakpoint)?.command(), [])
            }
            Command::SetCommand { breakpoint, command } => {
                changed(self.set_breakpoint_command(machine, *breakpoint, &command.0))
            }
            Command::GetOffsetExpression { breakpoint, buffer } => {
                deliver(*buffer, self.breakpoint_object(*breakpoint)?.offset_expression(), [])
            }
            Command::GetOffsetExpressionWide { breakpoint, buffer } => {
                let expression = self.breakpoint_object(*breakpoint)?.offset_expression();
                deliver_as(Characters::Wide, *buffer, expression, [])
            }
            Command::SetOffsetExpression { breakpoint, expression } => {
                let value = self.value_of(machine, &expression.0);
                changed(self.set_breakpoint_expression(machine, *breakpoint, &expression.0, value))
            }
            Command::GetParameters { breakpoint } => {
                done([Output::Bytes(self.breakpoint_object(*breakpoint)?.parameters())])
            }
            _ => Err(HResult::NOTIMPL),
        }
    }

    /// The flags but DEFERRED.
    fn settable_flags(&self, handle: u64) -> Result<u32, HResult> {
        Ok(self.breakpoint_object(handle)?.flags() & !super::breakpoints::flag::DEFERRED)
    }

    /// Looks again at the expressions of breakpoints that had no value: there are other symbols now.
    pub(super) fn evaluate_deferred(&mut self, machine: &mut Machine) {
        let deferred = |breakpoint: &&Breakpoint| breakpoint.offset().is_none();
        let waiting: Vec<(u64, String)> = self
            .breakpoints()
            .filter(deferred)
            .map(|breakpoint| (breakpoint.handle(), breakpoint.offset_expression().to_owned()))
            .collect();
        for (handle, expression) in waiting {
            if let Some(value) = self.value_of(machine, &expression) {
                // One that does not fit the address stays as it is.
                let _ = self.set_breakpoint_expression(machine, handle, &expression, Some(value));
            }
        }
    }

    /// The value of an expression now, if it has one.
    fn value_of(&mut self, machine: &mut Machine, expression: &str) -> Option<u64> {
        let (value, end) = crate::console::evaluate(self, machine, expression).ok()?;
        (end == expression.len()).then_some(value)
    }
}
