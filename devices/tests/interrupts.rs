//! Timer, clock, serial port and keyboard behind the 8259 pair, as a kernel drives them.

use ringhold_devices::{i8042::I8042, pic::Pic, pit::Pit, rtc::Rtc, uart::Uart};
use ringhold_emulator::Board;
use ringhold_emulator::bus::{Device, Width};
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::time::Clock;

fn out(board: &mut Board, port: u16, value: u8) {
    board.port_write(port, Width::Byte, value.into());
}

fn board() -> Board {
    let mut memory = Memory::new(0x1_0000).unwrap();
    memory.map_mut().add(Range::ram(0, 0x1_0000, 0)).unwrap();
    let mut board = Board::new(memory, Clock::new(1000), 1);
    let devices: [Box<dyn Device>; 5] = [
        Box::new(Pic::new(Default::default())),
        Box::new(Pit::new(Default::default())),
        Box::new(Rtc::new(Default::default())),
        Box::new(Uart::new(Default::default())),
        Box::new(I8042::new(Default::default())),
    ];
    for device in devices {
        board.attach(device).unwrap();
    }
    board.reset();
    let pic =
        [(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0xa0, 0x11), (0xa1, 0x28), (0xa1, 2), (0xa1, 1)];
    pic.iter().for_each(|&(port, value)| out(&mut board, port, value));
    board
}

/// Lets time pass and serves interrupts as they come; gives how often each vector came.
fn serve(board: &mut Board, ns: u64) -> [u32; 16] {
    let end = board.fabric.clock.now_ns() + ns;
    let mut seen = [0; 16];
    while let Some(at) = board.fabric.events.next_at().filter(|at| *at <= end) {
        board.fabric.clock.skip_to(at);
        board.run_events();
        while board.wires[0].interrupt() {
            let vector = board.acknowledge(0).unwrap();
            assert!((0x20..0x30).contains(&vector), "vector {vector:#x}");
            seen[usize::from(vector - 0x20)] += 1;
            match vector {
                0x21 => drop(board.port_read(0x60, Width::Byte)),
                0x24 => drop(board.port_read(0x3f8, Width::Byte)),
                0x28 => {
                    out(board, 0x70, 0x0c);
                    board.port_read(0x71, Width::Byte);
                }
                _ => {}
            }
            if vector >= 0x28 {
                out(board, 0xa0, 0x20);
            }
            out(board, 0x20, 0x20);
        }
    }
    board.fabric.clock.skip_to(end);
    seen
}

#[test]
fn every_source_is_served_as_often_as_it_asks() {
    let mut b = board();
    // 100.006 Hz square wave; 64 Hz periodic; received data; keyboard.
    for (port, value) in [(0x43, 0x36), (0x40, 0x9b), (0x40, 0x2e)] {
        out(&mut b, port, value);
    }
    for (index, value) in [(0x0a, 0x2a), (0x0b, 0x42)] {
        out(&mut b, 0x70, index);
        out(&mut b, 0x71, value);
    }
    for (port, value) in [(0x3f9, 1), (0x3fc, 0x0b)] {
        out(&mut b, port, value);
    }
    let (com1, keyboard) = (b.find("com1").unwrap(), b.find("i8042").unwrap());
    b.input(com1, b"hello, serial line");
    b.input(keyboard, b"ab\n");
    let seen = serve(&mut b, 10_000_000_000);
    // The square wave begins high, so the first edge comes with the control word, and then each
    // 11931 pulses; 10 s are 11931820 pulses.
    assert_eq!(seen[0], 1 + 1000);
    assert_eq!(seen[8], 640);
    assert_eq!(seen[4], 18);
    assert_eq!(seen[1], 6);
    assert_eq!(seen.iter().sum::<u32>(), 1001 + 640 + 18 + 6);
}

#[test]
fn two_runs_are_equal() {
    let run = || {
        let mut b = board();
        out(&mut b, 0x43, 0x34);
        out(&mut b, 0x40, 0xa9);
        out(&mut b, 0x40, 0x04);
        let seen = serve(&mut b, 300_000_000);
        let states: Vec<Vec<u8>> = b.device_states().into_iter().map(|state| state.1).collect();
        (seen, states, b.fabric.events.clone())
    };
    assert_eq!(run(), run());
}
