//! The string readers: section 3.4 of the contract.

use ringhold_debugapi::HResult;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::RW;

use crate::bench::{Bench, DATA, Seen, WINDOW};

const PAGE: u64 = 0x40_0000;

/// A page, a second one, and a hole behind them.
fn bench(at: u64, bytes: &[u8]) -> Bench {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    bench.map(PAGE + 0x1000, DATA + 0x1000, RW);
    bench.poke(DATA, &[0xcc; 0x2000]);
    bench.poke(DATA + at, bytes);
    bench
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn an_exact_fit_is_whole() {
    let mut bench = bench(0, b"hello\0");
    let mut buffer = [9; 6];
    let read = bench.spaces().read_multi_byte_string_virtual(PAGE, 6, Some(&mut buffer)).unwrap();
    assert_eq!((&buffer, read.string_bytes, read.copied), (b"hello\0", 6, 6));
    assert_eq!(read.hresult(), HResult::OK);

    bench.poke(DATA, &wide("hello\0"));
    let mut buffer = [9; 6];
    let read = bench.spaces().read_unicode_string_virtual_wide(PAGE, 12, Some(&mut buffer)).unwrap();
    assert_eq!(String::from_utf16_lossy(&buffer), "hello\0");
    assert_eq!((read.string_bytes, read.copied, read.hresult()), (12, 6, HResult::OK));
}

#[test]
fn a_small_buffer_gets_a_terminated_part_and_s_false() {
    let mut bench = bench(0, b"hello\0");
    for (len, part) in [(5, &b"hell\0"[..]), (2, b"h\0"), (1, b"\0"), (0, b"")] {
        let mut buffer = vec![9; len];
        let read = bench.spaces().read_multi_byte_string_virtual(PAGE, 99, Some(&mut buffer)).unwrap();
        assert_eq!((&buffer[..], read.string_bytes, read.copied), (part, 6, len));
        assert_eq!(read.hresult(), HResult::FALSE);
    }
    let mut buffer = [9; 3];
    let read = bench.spaces().read_multi_byte_string_virtual_wide(PAGE, 99, 0, Some(&mut buffer)).unwrap();
    assert_eq!((buffer, read.hresult()), ([0x68, 0x65, 0], HResult::FALSE));
}

#[test]
fn an_empty_string_is_its_terminator() {
    let mut bench = bench(0, &[0, 0]);
    let mut spaces = bench.spaces();
    let read = spaces.read_multi_byte_string_virtual(PAGE, 1, Some(&mut [9])).unwrap();
    assert_eq!((read.string_bytes, read.copied, read.truncated), (1, 1, false));
    let read = spaces.read_unicode_string_virtual_wide(PAGE, 2, Some(&mut [9])).unwrap();
    assert_eq!((read.string_bytes, read.copied, read.truncated), (2, 1, false));
}

#[test]
fn without_a_buffer_only_the_size_is_delivered() {
    let mut bench = bench(0, b"hi\0\0\0\0");
    let mut spaces = bench.spaces();
    let reads = [
        spaces.read_multi_byte_string_virtual(PAGE, 99, None).unwrap(),
        spaces.read_multi_byte_string_virtual_wide(PAGE, 99, 0, None).unwrap(),
        spaces.read_unicode_string_virtual(PAGE, 99, 0, None).unwrap(),
        spaces.read_unicode_string_virtual_wide(PAGE, 99, None).unwrap(),
    ];
    assert_eq!(reads.map(|read| read.string_bytes), [3, 3, 4, 4]);
    assert_eq!(reads.map(|read| read.hresult()), [HResult::OK; 4]);
}

#[test]
fn no_terminator_within_the_maximum_is_an_invalid_argument() {
    let mut bench = bench(0, b"hello\0\0\0");
    let mut spaces = bench.spaces();
    for (max, wide_max) in [(5, 7), (0, 0), (1, 1)] {
        let codes = [
            spaces.read_multi_byte_string_virtual(PAGE, max, None).unwrap_err().hresult(),
            spaces.read_multi_byte_string_virtual_wide(PAGE, max, 0, None).unwrap_err().hresult(),
            spaces.read_unicode_string_virtual(PAGE, wide_max, 0, None).unwrap_err().hresult(),
            spaces.read_unicode_string_virtual_wide(PAGE, wide_max, None).unwrap_err().hresult(),
        ];
        assert_eq!(codes, [HResult::INVALIDARG; 4]);
    }
    assert!(spaces.read_unicode_string_virtual_wide(PAGE, 8, None).is_ok());
}

#[test]
fn a_string_may_straddle_pages_and_end_at_a_hole_but_not_straddle_it() {
    let mut bench = bench(0xffd, &wide("aé∞\0"));
    let mut buffer = [0; 9];
    let read = bench.spaces().read_unicode_string_virtual_wide(PAGE + 0xffd, 99, Some(&mut buffer)).unwrap();
    assert_eq!((read.string_bytes, &buffer[..4]), (8, &[0x61, 0xe9, 0x221e, 0][..]));
    bench.poke(DATA + 0x1ffc, b"end\0");
    let mut spaces = bench.spaces();
    assert_eq!(spaces.read_multi_byte_string_virtual(PAGE + 0x1ffc, 99, None).unwrap().string_bytes, 4);
    for last in [b"ends", b"en\0\0"] {
        spaces.write_virtual(PAGE + 0x1ffc, last).unwrap();
        let code = spaces.read_unicode_string_virtual_wide(PAGE + 0x1ffd, 99, None).unwrap_err().hresult();
        assert_eq!(code, HResult::INVALIDARG);
    }
    let code = spaces.read_multi_byte_string_virtual(u64::MAX, 99, None).unwrap_err().hresult();
    assert_eq!(code, HResult::READ_FAULT);
}

#[test]
fn an_unreadable_first_byte_is_a_read_fault() {
    let mut bench = bench(0, b"");
    bench.map(PAGE + 0x3000, WINDOW, RW);
    for at in [PAGE + 0x2000, PAGE + 0x3000, 1 << 63] {
        let code = bench.spaces().read_multi_byte_string_virtual(at, 99, None).unwrap_err().hresult();
        assert_eq!(code, HResult::READ_FAULT);
    }
    assert_eq!(bench.seen(), [] as [Seen; 0], "no device is touched");
}

#[test]
fn code_pages_convert_both_ways() {
    for (code_page, bytes, text) in [
        (0, &b"\x80\xe9"[..], "€é"),
        (1252, b"a\x9f\xff", "aŸÿ"),
        (437, b"\x80\xdb\xff\xe1", "Ç█\u{a0}ß"),
        (20127, b"plain", "plain"),
        (65001, "aé∞😀".as_bytes(), "aé∞😀"),
    ] {
        let mut bench = bench(0, &[bytes, &[0]].concat());
        let mut buffer = [9; 20];
        let mut spaces = bench.spaces();
        let read =
            spaces.read_multi_byte_string_virtual_wide(PAGE, 99, code_page, Some(&mut buffer)).unwrap();
        assert_eq!(String::from_utf16_lossy(&buffer[..read.copied - 1]), text, "{code_page}");
        assert_eq!(read.string_bytes, bytes.len() + 1);
        spaces.write_virtual(PAGE, &wide(text)).unwrap();
        spaces.write_virtual(PAGE + wide(text).len() as u64, &[0, 0]).unwrap();
        let mut buffer = [9; 20];
        let read = spaces.read_unicode_string_virtual(PAGE, 99, code_page, Some(&mut buffer)).unwrap();
        assert_eq!(&buffer[..read.copied - 1], bytes, "{code_page}");
        assert_eq!(read.string_bytes, wide(text).len() + 2);
    }
}

#[test]
fn every_byte_of_a_one_byte_code_page_comes_back() {
    for code_page in [1252, 437] {
        let all: Vec<u8> = (1..=255).collect();
        let mut bench = bench(0, &[&all[..], &[0]].concat());
        let mut spaces = bench.spaces();
        let mut units = [0; 256];
        spaces.read_multi_byte_string_virtual_wide(PAGE, 999, code_page, Some(&mut units)).unwrap();
        let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
        spaces.write_virtual(PAGE, &bytes).unwrap();
        let mut back = [0; 256];
        spaces.read_unicode_string_virtual(PAGE, 999, code_page, Some(&mut back)).unwrap();
        assert_eq!(back[..255], all);
    }
}

#[test]
fn what_a_code_page_lacks_is_replaced() {
    let mut bench = bench(0, b"a\xff\0");
    let mut units = [0; 3];
    bench.spaces().read_multi_byte_string_virtual_wide(PAGE, 99, 20127, Some(&mut units)).unwrap();
    assert_eq!(units, [0x61, 0xfffd, 0]);
    bench.poke(DATA, &[wide("∞é"), vec![0, 0xd8, 0, 0]].concat());
    let mut bytes = [9; 4];
    bench.spaces().read_unicode_string_virtual(PAGE, 99, 1252, Some(&mut bytes)).unwrap();
    assert_eq!(&bytes, b"?\xe9?\0");
}

#[test]
fn truncation_tears_no_character_apart() {
    let mut bench = bench(0, "a😀\0".as_bytes());
    let mut units = [9; 3];
    let mut spaces = bench.spaces();
    let read = spaces.read_multi_byte_string_virtual_wide(PAGE, 99, 65001, Some(&mut units)).unwrap();
    assert_eq!((&units[..2], read.copied, read.hresult()), (&[0x61, 0][..], 2, HResult::FALSE));
    spaces.write_virtual(PAGE, &wide("a😀\0")).unwrap();
    let mut bytes = [9; 5];
    let read = spaces.read_unicode_string_virtual(PAGE, 99, 65001, Some(&mut bytes)).unwrap();
    assert_eq!((&bytes[..2], read.copied, read.hresult()), (&b"a\0"[..], 2, HResult::FALSE));
}

#[test]
fn other_code_pages_are_an_invalid_argument() {
    let mut bench = bench(0, b"\0\0");
    let mut spaces = bench.spaces();
    for code_page in [1, 1200, 850, u32::MAX] {
        let codes = [
            spaces.read_multi_byte_string_virtual_wide(PAGE, 9, code_page, None).unwrap_err().hresult(),
            spaces.read_unicode_string_virtual(PAGE, 9, code_page, None).unwrap_err().hresult(),
        ];
        assert_eq!(codes, [HResult::INVALIDARG; 2]);
    }
}
