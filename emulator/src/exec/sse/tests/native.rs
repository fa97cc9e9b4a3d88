//! Runs one instruction on the host.

use std::arch::asm;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

/// What an instruction sees: the FXSAVE area, two general registers, flags, and memory at RDI.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Native {
    /// As FXSAVE64 leaves it.
    pub area: [u8; 512],
    /// The host's own, during the run.
    host: [u8; 512],
    /// What RDI points to; aligned.
    pub memory: [u8; 64],
    /// RAX
    pub rax: u64,
    /// RCX
    pub rcx: u64,
    /// RFLAGS
    pub rflags: u64,
}

impl Native {
    /// All zero.
    pub fn new() -> Self {
        Self { area: [0; 512], host: [0; 512], memory: [0; 64], rax: 0, rcx: 0, rflags: 0 }
    }
}

/// One instruction in memory that the host may execute.
pub struct Code(*const u8);

impl Code {
    /// `bytes` must be one instruction of MMX, SSE or SSE2 that uses no other general registers
    /// than RAX and RCX, no memory but 64 bytes at RDI, and does not fault.
    pub fn new(bytes: &[u8]) -> Self {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh private page, filled here before anything executes it, then never
        // written again. It is leaked: tests are short.
        unsafe {
            let page = mmap_anonymous(std::ptr::null_mut(), 4096, protection, MapFlags::PRIVATE).unwrap();
            let code = page.cast::<u8>();
            code.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            code.add(bytes.len()).write(0xc3);
            mprotect(page, 4096, MprotectFlags::READ | MprotectFlags::EXEC).unwrap();
            Self(code)
        }
    }

    /// Executes it on `state`, whose MXCSR and FCW must mask everything.
    pub fn run(&self, state: &mut Native) {
        // SAFETY: by the promise of `new` the code touches the named registers and `state.memory`
        // alone; x87, MMX, SSE and their control registers are saved and restored around it.
        unsafe {
            asm!(
                "fxsave64 [r8 + 512]",
                "fxrstor64 [r8]",
                "call r9",
                "pushfq",
                "pop r9",
                "fxsave64 [r8]",
                "fxrstor64 [r8 + 512]",
                inout("rax") state.rax,
                inout("rcx") state.rcx,
                inout("r9") self.0 => state.rflags,
                in("r8") std::ptr::from_mut(state),
                in("rdi") state.memory.as_mut_ptr(),
            );
        }
    }
}
