//! Control registers, MSRs and modes (SDM volume 3, chapters 2 and 10).

use super::prelude::*;

// --- 2.5, 10.9: control registers, MSRs, modes -------------------------------------------------

#[test]
fn control_registers_refuse_what_cannot_be() {
    let check = |code: &dyn Fn(&mut CodeAssembler) -> Coded| {
        let mut machine = trapped(|a| {
            code(a)?;
            a.int3()
        });
        machine.cpus[0].model = CpuModel::default();
        let before = machine.cpus[0].control.clone();
        assert_eq!(caught(&mut machine), (13, Some(0)));
        assert_eq!(machine.cpus[0].control, before);
    };
    let paging = bits0::PE | bits0::PG | bits0::ET | bits0::WP | bits0::NE;
    for value in [paging & !bits0::PE, paging | bits0::NW, paging | 1 << 32, paging & !bits0::PG] {
        check(&|a| {
            a.mov(rax, value)?;
            a.mov(cr0, rax)
        });
    }
    for value in [0, bits4::PAE | 1 << 31, bits4::PAE | bits4::SMEP] {
        check(&|a| {
            a.mov(rax, value)?;
            a.mov(cr4, rax)
        });
    }
    check(&|a| {
        a.mov(rax, 1u64 << 52)?;
        a.mov(cr3, rax)
    });
    check(&|a| {
        a.mov(eax, 16)?;
        a.mov(cr8, rax)
    });
    let value = efer::NXE | efer::SCE | efer::LMA;
    for (number, value) in
        [(0xc000_0080u32, value), (0xc000_0082, 1 << 47), (0xc000_0101, 1 << 63), (0x176, 1 << 48)]
    {
        check(&|a| {
            a.mov(ecx, number)?;
            a.mov(eax, value as u32)?;
            a.mov(edx, (value >> 32) as u32)?;
            a.wrmsr()
        });
    }
}

#[test]
fn from_real_mode_to_long_mode_and_back() {
    let mut machine = long();
    // The tables stay in memory; the processor begins anew.
    machine.cpus[0].reset();
    machine.cpus[0].seg[CS] = Segment::real(0, true);
    machine.cpus[0].rip = 0x9000;
    machine.cpus[0].refresh();
    put(&mut machine, GDT + 0x18, 0x00cf_9b00_0000_ffff);
    put(&mut machine, GDT + 0x38, 0x0000_9b00_0000_ffff);
    put(&mut machine, 0x9700, 0x3f | GDT << 16);
    let mut code = |at: u64, bits: u32, code: &dyn Fn(&mut CodeAssembler) -> Coded| {
        let mut assembler = CodeAssembler::new(bits).unwrap();
        code(&mut assembler).unwrap();
        let bytes = assembler.assemble(at).unwrap();
        write(&mut machine, at, &bytes);
    };
    code(0x9000, 16, &|a| {
        a.db(&[0x0f, 0x01, 0x16, 0x00, 0x97])?; // lgdt [0x9700]
        a.mov(eax, cr0)?;
        a.or(al, 1)?;
        a.mov(cr0, eax)?;
        a.db(&[0xea, 0x00, 0x91, 0x18, 0x00]) // jmp 0x18:0x9100
    });
    code(0x9100, 32, &|a| {
        a.mov(eax, bits4::PAE as u32)?;
        a.mov(cr4, eax)?;
        a.mov(eax, PML4 as u32)?;
        a.mov(cr3, eax)?;
        a.mov(ecx, 0xc000_0080u32)?;
        a.rdmsr()?;
        a.or(eax, efer::LME as i32)?;
        a.wrmsr()?;
        a.mov(eax, cr0)?;
        a.bts(eax, 31)?;
        a.mov(cr0, eax)?;
        a.db(&[0xea, 0x00, 0x92, 0x00, 0x00, 0x08, 0x00]) // jmp 0x08:0x9200
    });
    code(0x9200, 64, &|a| {
        a.mov(rax, 0x1122_3344_5566_7788u64)?;
        a.mov(qword_ptr(DATA), rax)?;
        a.mov(esp, STACK as u32)?;
        a.push(0x18)?;
        a.push(0x9300)?;
        a.db(&[0x48, 0xcb]) // retfq
    });
    code(0x9300, 32, &|a| {
        a.mov(ebx, 1)?;
        a.dec(ebx)?; // REX in 64-bit code
        a.mov(eax, cr0)?;
        a.btr(eax, 31)?;
        a.mov(cr0, eax)?;
        a.mov(ecx, 0xc000_0080u32)?;
        a.rdmsr()?;
        a.mov(edi, eax)?;
        a.db(&[0xea, 0x00, 0x94, 0x00, 0x00, 0x38, 0x00]) // jmp 0x38:0x9400
    });
    code(0x9400, 16, &|a| {
        a.mov(eax, cr0)?;
        a.and(al, 0xfeu32)?;
        a.mov(cr0, eax)?;
        a.db(&[0xea, 0x00, 0x95, 0x00, 0x00]) // jmp 0:0x9500
    });
    code(0x9500, 16, &|a| {
        a.mov(si, 0x4242)?;
        a.hlt()
    });
    assert_eq!(machine.run(1000), Stop::Halted);
    assert_eq!(get(&machine, DATA), 0x1122_3344_5566_7788);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.gpr[6], cpu.gpr[3], cpu.gpr[7]), (0x4242, 0, efer::LME));
    assert_eq!(cpu.control.cr0 & (bits0::PE | bits0::PG), 0);
    assert!(!cpu.long_mode() && !cpu.protected());
}

// --- 13.11: memory types -----------------------------------------------------------------------

#[test]
fn memory_types_and_ranges_are_checked() {
    let write = |number: u32, value: u64| {
        let mut machine = trapped(|a| {
            a.mov(ecx, number)?;
            a.mov(eax, value as u32)?;
            a.mov(edx, (value >> 32) as u32)?;
            a.wrmsr()?;
            a.int3()
        });
        caught(&mut machine).0
    };
    const BASE: u32 = 0x200;
    const MASK: u32 = 0x201;
    const FIXED: u32 = 0x250;
    const PAT: u32 = 0x277;
    const DEFAULT: u32 = 0x2ff;
    for (number, value, expected) in [
        (BASE, 0x1234_5006, 3),
        (BASE, 0x1234_5002, 13),
        (BASE, 0x1234_5106, 13),
        (BASE, 1 << 40 | 6, 13),
        (MASK, 0xff_ffff_f800, 3),
        (MASK, 0xff_ffff_fc00, 13),
        (MASK, 1 << 40, 13),
        (FIXED, 0x0605_0401_0006_0504, 3),
        (FIXED, 0x0605_0401_0006_0704, 13),
        (PAT, 0x0007_0406_0007_0406, 3),
        (PAT, 0x0002_0406_0007_0406, 13),
        (DEFAULT, 0xc06, 3),
        (DEFAULT, 0xc07, 13),
        (DEFAULT, 0x1006, 13),
    ] {
        assert_eq!(write(number, value), expected, "{number:#x} {value:#x}");
    }
}
