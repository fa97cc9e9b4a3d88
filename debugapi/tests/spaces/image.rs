//! ReadImageNtHeaders: section 3.17 of the contract.

use ringhold_debugapi::HResult;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::RW;

use crate::bench::{Bench, DATA};

const PAGE: u64 = 0x40_0000;

/// An image whose optional header has this magic and size; its other bytes count up.
fn bench(magic: u16, len: usize) -> Bench {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    let mut image = vec![0; 0x80];
    image[..2].copy_from_slice(b"MZ");
    image[0x3c] = 0x80;
    image.extend(b"PE\0\0\x64\x86");
    image.resize(0x80 + 20, 7);
    image.extend((len as u16).to_le_bytes());
    image.extend([0x22, 0]);
    image.extend(magic.to_le_bytes());
    image.extend((2..len).map(|at| at as u8));
    bench.poke(DATA, &image);
    bench
}

fn refused(bench: &mut Bench, base: u64) {
    let error = bench.spaces().read_image_nt_headers(base).unwrap_err();
    assert_eq!(error.hresult(), HResult::INVALIDARG);
}

#[test]
fn the_headers_of_a_64_bit_image_are_as_they_lie_there() {
    let mut bench = bench(0x20b, 240);
    let headers = bench.spaces().read_image_nt_headers(PAGE).unwrap();
    assert_eq!(headers.bytes[..], bench.bytes(DATA + 0x80, 264));
    assert_eq!(headers.magic(), 0x20b);
}

#[test]
fn those_of_a_32_bit_image_are_widened_and_keep_their_magic() {
    let mut bench = bench(0x10b, 224);
    let headers = bench.spaces().read_image_nt_headers(PAGE).unwrap();
    assert_eq!(headers.magic(), 0x10b);
    let optional = &headers.bytes[24..];
    let counted = |at: u8, len: u8| (at..at + len).collect::<Vec<u8>>();
    assert_eq!(optional[2..24], counted(2, 22));
    assert_eq!(optional[24..32], [28, 29, 30, 31, 0, 0, 0, 0], "ImageBase");
    assert_eq!(optional[32..72], counted(32, 40));
    assert_eq!(optional[72..80], [72, 73, 74, 75, 0, 0, 0, 0], "SizeOfStackReserve");
    assert_eq!(optional[96..104], [84, 85, 86, 87, 0, 0, 0, 0], "SizeOfHeapCommit");
    assert_eq!(optional[104..240], counted(88, 136), "the flags and the directories");
}

#[test]
fn directories_that_are_not_there_are_zero() {
    for (magic, len) in [(0x20b, 120), (0x10b, 104)] {
        let mut bench = bench(magic, len);
        bench.poke(DATA + 0x80 + 24 + len as u64, &[0xcc; 200]);
        let headers = bench.spaces().read_image_nt_headers(PAGE).unwrap();
        assert_ne!(headers.bytes[24 + 119], 0);
        assert_eq!(headers.bytes[24 + 120..], [0; 120]);
    }
}

#[test]
fn no_image_is_an_invalid_argument() {
    for (magic, len) in [(0x107, 240), (0x20b, 111), (0x10b, 95), (0x20b, 0)] {
        refused(&mut bench(magic, len), PAGE);
    }
    let mut bench = bench(0x20b, 240);
    for base in [PAGE + 2, PAGE + 0x1000, u64::MAX, 1 << 63] {
        refused(&mut bench, base);
    }
    for (at, bytes) in [(0x80, &b"NE"[..]), (0x3c, &[0xf0, 0x0f]), (0x3c, &[0xff; 4]), (0, b"ZM")] {
        bench.poke(DATA + at, bytes);
        refused(&mut bench, PAGE);
    }
}
