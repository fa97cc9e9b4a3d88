//! Programs of random instructions, straight or in a loop: what single ones cannot show (lazy flags
//! that a later instruction reads, blocks and their links, stores that later loads see).

use iced_x86::{
    Code, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpCodeOperandKind,
};

use crate::case::{Case, Mode, Patch, State};
use crate::compare::{Rules, status_bits};
use crate::forms::{Fate, Form, all, decode, fate};
use crate::generate;
use crate::native::host_has;
use crate::values::Random;

/// The forms that programs are made of on this host.
pub fn pool(mode: Mode) -> Vec<Form> {
    all()
        .filter(|form| {
            form.mode == mode && suitable(form.code) && host_has(form.code) && fate(*form) == Fate::Compared
        })
        .collect()
}

fn suitable(code: Code) -> bool {
    use Mnemonic::*;
    let mut instruction = Instruction::default();
    instruction.set_code(code);
    instruction.flow_control() == FlowControl::Next
        && !instruction.is_privileged()
        // A count above 16 leaves everything undefined.
        && !matches!(code, Code::Shld_rm16_r16_CL | Code::Shrd_rm16_r16_CL)
        && instruction.stack_pointer_increment() == 0
        && !code.op_code().op_kinds().contains(&OpCodeOperandKind::seg_reg)
        // Which parts of the state are in use is the processor's choice.
        && !generate::saves_extended(code)
        && !generate::restores_extended(code)
        && !matches!(
            code.mnemonic(),
            // What they give is not exact, or not the same on all processors.
            Rcpps | Rcpss | Rsqrtps | Rsqrtss | Vrcpps | Vrcpss | Vrsqrtps | Vrsqrtss | F2xm1 | Fcos | Fpatan | Fptan | Fsin | Fsincos | Fyl2x
                | Fyl2xp1 | Fxsave | Fxsave64 | Fxrstor | Fxrstor64 | Fnsave | Fnstenv
            // Which bits of MXCSR may be set differs.
                | Ldmxcsr | Vldmxcsr
            // Segments would not be the ones that later operands count on.
                | Les | Lds | Lss | Lfs | Lgs | Lar | Lsl | Verr | Verw
            // They raise #UD always.
                | Ud0 | Ud1 | Ud2
        )
}

/// Instructions, and what they start from.
#[derive(Clone, Debug)]
pub struct Program {
    mode: Mode,
    state: State,
    patches: Vec<Patch>,
    /// One instruction each; none depends on where it lies.
    body: Vec<Vec<u8>>,
    /// The number of a general register that the body leaves alone: it counts the rounds.
    counter: Option<u8>,
}

/// Which flags hold a value that the manual leaves open.
#[derive(Clone, Copy, Debug, Default)]
struct Undefined {
    now: u64,
    ever: u64,
}

impl Undefined {
    /// Behind this instruction; `None` if it reads such a flag.
    fn after(self, instruction: &Instruction) -> Option<Self> {
        if status_bits(instruction.rflags_read()) & self.now != 0 {
            return None;
        }
        let open = status_bits(instruction.rflags_undefined());
        let defined = status_bits(
            instruction.rflags_written() | instruction.rflags_cleared() | instruction.rflags_set(),
        );
        // A shift may leave all flags as they are: what was undefined may stay so.
        use Mnemonic::*;
        let conditional =
            matches!(instruction.mnemonic(), Shl | Sal | Shr | Sar | Rol | Ror | Rcl | Rcr | Shld | Shrd);
        let now = if conditional { self.now | open } else { self.now & !defined | open };
        Some(Self { now, ever: self.ever | open })
    }
}

impl Program {
    /// Up to `length` instructions out of the pool, all of one mode.
    pub fn straight(pool: &[Form], length: usize, random: &mut Random) -> Self {
        let mode = pool[0].mode;
        let mut case = Case { mode, state: generate::state(mode, random), ..Case::default() };
        case.state.rip = mode.first_rip() + 0x100 + random.below(0x1d00);
        let mut body = Vec::new();
        let mut undefined = Undefined::default();
        // One family at a time now and then: otherwise x87 and MMX rarely meet their own kind.
        let start = random.below(pool.len() as u64) as usize;
        let near = random.one_in(2);
        for _ in 0..length {
            let form = match near {
                true => pool[(start + random.below(60) as usize) % pool.len()],
                false => random.pick(pool),
            };
            let patches = case.patches.len();
            let bytes = generate::independent(form, &mut case, random);
            let after = bytes.as_ref().and_then(|bytes| undefined.after(&decode(mode, bytes, 0)));
            match (bytes, after) {
                (Some(bytes), Some(after)) => {
                    body.push(bytes);
                    undefined = after;
                }
                _ => case.patches.truncate(patches),
            }
        }
        Self { mode, state: case.state, patches: case.patches, body, counter: None }
    }

    /// The same in a loop of so many rounds; `None` if the body leaves no register alone, or reads in
    /// its second round what the first one left undefined.
    pub fn repeated(mut self, rounds: u64) -> Option<Self> {
        let mut factory = InstructionInfoFactory::new();
        let mut free = [true; 16];
        free[4] = false;
        for instruction in self.instructions() {
            for used in factory.info(&instruction).used_registers() {
                let register = used.register().full_register();
                let written = !matches!(used.access(), OpAccess::Read | OpAccess::CondRead);
                if written && register.is_gpr() {
                    free[register.number()] = false;
                }
            }
        }
        let registers = self.mode.registers() as usize;
        let counter = (0..registers).rev().find(|register| free[*register])?;
        self.counter = Some(counter as u8);
        self.state.gpr[counter] = rounds;
        self.rules()?;
        Some(self)
    }

    fn instructions(&self) -> impl Iterator<Item = Instruction> + '_ {
        self.body.iter().map(|bytes| decode(self.mode, bytes, 0))
    }

    /// DEC of the counter, and JNZ back to the first instruction.
    fn tail(&self, length: usize) -> Vec<u8> {
        let Some(counter) = self.counter else { return Vec::new() };
        let mut tail = vec![0xff, 0xc8 | counter & 7];
        if self.mode == Mode::Bits64 {
            tail.insert(0, 0x48 | counter >> 3);
        }
        tail.extend([0x0f, 0x85]);
        let displacement = if self.mode == Mode::Bits16 { 2 } else { 4 };
        let back = -((length + tail.len() + displacement) as i32);
        tail.extend(&back.to_le_bytes()[..displacement]);
        tail
    }

    /// What runs.
    pub fn case(&self) -> Case {
        let mut code = self.body.concat();
        code.extend(self.tail(code.len()));
        Case { mode: self.mode, code, state: self.state.clone(), patches: self.patches.clone() }
    }

    /// How many instructions it executes if none faults.
    pub fn length(&self) -> u64 {
        match self.counter {
            None => self.body.len() as u64,
            Some(counter) => (self.body.len() as u64 + 2) * self.state.gpr[usize::from(counter)],
        }
    }

    /// How the outcomes have to agree; `None` if an instruction reads a flag that an earlier one left
    /// undefined.
    pub fn rules(&self) -> Option<Rules> {
        let mut undefined = Undefined::default();
        let rounds = if self.counter.is_some() { 2 } else { 1 };
        for _ in 0..rounds {
            for instruction in self.instructions() {
                undefined = undefined.after(&instruction)?;
            }
            if self.counter.is_some() {
                let tail = self.tail(0);
                undefined = undefined.after(&decode(self.mode, &tail, 0))?;
            }
        }
        Some(Rules::exact(undefined.now, undefined.ever))
    }

    /// Every program that is simpler by one step: an instruction less, a round less, a register less.
    pub fn simpler(&self) -> Vec<Self> {
        let mut out = Vec::new();
        let mut put = |change: &dyn Fn(&mut Self)| {
            let mut simpler = self.clone();
            change(&mut simpler);
            if !simpler.body.is_empty() {
                out.push(simpler);
            }
        };
        if let Some(counter) = self.counter {
            put(&|p| p.counter = None);
            let rounds = self.state.gpr[usize::from(counter)];
            for fewer in [1, 2, rounds / 2, rounds - 1] {
                if (1..rounds).contains(&fewer) {
                    put(&|p| p.state.gpr[usize::from(counter)] = fewer);
                }
            }
        }
        for nth in 0..self.body.len() {
            put(&|p| {
                p.body.remove(nth);
            });
        }
        for i in 0..16 {
            if self.state.gpr[i] != 0 && self.counter != Some(i as u8) {
                put(&|p| p.state.gpr[i] = 0);
            }
            if self.state.xmm(i) != 0 {
                put(&|p| p.state.fx[160 + 16 * i..176 + 16 * i].fill(0));
            }
            if self.state.ymm_high(i) != 0 {
                put(&|p| p.state.high[16 * i..16 * i + 16].fill(0));
            }
            if i < 8 && self.state.st(i) != (0, 0) {
                put(&|p| p.state.fx[32 + 16 * i..42 + 16 * i].fill(0));
            }
        }
        out
    }
}
