use proptest::prelude::*;
use ringhold_emulator::Cpu;
use ringhold_emulator::cpu::CodeSize;
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::model::CpuModel;
use ringhold_emulator::state::gpr;

use super::*;
use crate::config::{FlatConfig, FlatMode, ModuleConfig};

const MEMORY: u64 = 64 << 20;

/// Memory of `bytes`, mapped as the builder does.
pub(super) fn memory(bytes: u64) -> Memory {
    let mut memory = Memory::new(bytes).unwrap();
    for (start, end) in Layout::new(bytes).ram() {
        memory.map_mut().add(Range::ram(start, end - start, start)).unwrap();
    }
    memory
}

fn start(kernel: &Image, config: &BootConfig, images: Images) -> (Memory, Result<Entry, BootError>) {
    let mut memory = memory(MEMORY);
    let mut loader = Loader::new(&mut memory, Layout::new(MEMORY));
    let images = Images { kernel: Some(kernel.clone()), ..images };
    let entry = direct(&mut loader, config, &images, 0xe0000);
    (memory, entry)
}

fn start_error(kernel: &Image) -> String {
    start(kernel, &BootConfig::default(), Images::default()).1.unwrap_err().to_string()
}

fn register(entry: &Entry, register: u8) -> u64 {
    entry.registers.iter().find(|(number, _)| *number == register).map_or(0, |(_, value)| *value)
}

fn bytes_at(memory: &Memory, address: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    assert_eq!(memory.read(address, &mut bytes), len);
    bytes
}

fn text_at(memory: &Memory, address: u64) -> String {
    let bytes = bytes_at(memory, address, 256);
    let text = bytes.split(|byte| *byte == 0).next().unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}

/// A bzImage of one setup sector and 4 KiB of code that says where it wants to be unpacked.
fn bzimage() -> Image {
    let mut bytes = vec![0; 1024 + 4096];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0x1f1, &[1]);
    put(0x1f4, &(4096u32 / 16).to_le_bytes());
    put(0x1fe, &0xaa55u16.to_le_bytes());
    put(0x200, &[0xeb, 0x66]);
    put(0x202, b"HdrS");
    put(0x206, &0x020fu16.to_le_bytes());
    put(0x211, &[1]);
    put(0x214, &0x10_0000u32.to_le_bytes());
    put(0x22c, &0x7fff_ffffu32.to_le_bytes());
    put(0x230, &0x20_0000u32.to_le_bytes());
    put(0x234, &[1]);
    put(0x238, &200u32.to_le_bytes());
    put(0x258, &0x100_0000u64.to_le_bytes());
    put(0x260, &0x80_0000u32.to_le_bytes());
    put(1024, b"the protected-mode part");
    Image::new("bzimage", bytes)
}

/// A Multiboot image with addresses in its header, 16 bytes into the file.
fn multiboot_by_addresses() -> Image {
    let flags = 1u32 << 16 | 3;
    let magic = 0x1bad_b002u32;
    let sum = 0u32.wrapping_sub(magic).wrapping_sub(flags);
    let words = [magic, flags, sum, 0x20_0010, 0x20_0000, 0x20_0040, 0x20_1000, 0x20_0030];
    let mut bytes = vec![0x90; 16];
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes.resize(0x60, 0xcc);
    Image::new("multiboot", bytes)
}

/// An ELF file of one segment: `size` bytes in memory at `physical`, linked at `linear`.
fn elf(class: u8, machine: u16, physical: u64, linear: u64) -> Image {
    let mut bytes = vec![0x7f, b'E', b'L', b'F', class, 1, 1];
    bytes.resize(16, 0);
    let wide = class == 2;
    let word = |bytes: &mut Vec<u8>, value: u64| {
        let all = value.to_le_bytes();
        bytes.extend(&all[..if wide { 8 } else { 4 }]);
    };
    bytes.extend([2u16, machine].iter().flat_map(|half| half.to_le_bytes()));
    bytes.extend(1u32.to_le_bytes());
    word(&mut bytes, linear + 4);
    word(&mut bytes, if wide { 64 } else { 52 });
    word(&mut bytes, 0);
    bytes.extend([0; 4]);
    let sizes: [u16; 6] = if wide { [64, 56, 1, 64, 0, 0] } else { [52, 32, 1, 40, 0, 0] };
    bytes.extend(sizes.iter().flat_map(|half| half.to_le_bytes()));
    bytes.extend(1u32.to_le_bytes());
    if wide {
        bytes.extend(7u32.to_le_bytes());
        [0x100, linear, physical, 16, 0x2000, 0].iter().for_each(|value| word(&mut bytes, *value));
    } else {
        [0x100, linear, physical, 16, 0x2000, 7, 0].iter().for_each(|value| word(&mut bytes, *value));
    }
    bytes.resize(0x100, 0);
    bytes.extend(b"sixteen bytes...");
    Image::new("elf", bytes)
}

#[test]
fn a_bzimage_gets_its_zero_page() {
    let config = BootConfig { cmdline: "console=ttyS0".into(), ..BootConfig::default() };
    let images = Images { initrd: Some(Image::new("initrd", vec![7; 5000])), ..Images::default() };
    let (memory, entry) = start(&bzimage(), &config, images);
    let entry = entry.unwrap();
    assert_eq!(entry.address, 0x10_0000);
    assert!(matches!(entry.mode, Mode::Protected32 { .. }));
    assert_eq!(bytes_at(&memory, 0x10_0000, 8), b"the prot");
    let page = bytes_at(&memory, register(&entry, gpr::RSI), 4096);
    assert_eq!(&page[0x202..0x206], b"HdrS");
    assert_eq!(page[0x210], 0xff);
    assert_eq!(u64_at(&page, 0x70), Some(0xe0000));
    let cmdline = u32_at(&page, 0x228).unwrap();
    assert_eq!(text_at(&memory, cmdline.into()), "console=ttyS0");
    let (address, size) = (u32_at(&page, 0x218).unwrap(), u32_at(&page, 0x21c).unwrap());
    assert_eq!((address, size), (0x3ff_e000, 5000));
    assert_eq!(bytes_at(&memory, address.into(), 5000), [7; 5000]);
    let spans: Vec<_> = (0..usize::from(page[0x1e8]))
        .map(|i| 0x2d0 + 20 * i)
        .map(|at| (u64_at(&page, at).unwrap(), u64_at(&page, at + 8).unwrap(), page[at + 16]))
        .collect();
    let expected =
        [(0, 0x9fc00, 1), (0x9fc00, 0x400, 2), (0xe0000, 0x20000, 2), (0x10_0000, MEMORY - 0x10_0000, 1)];
    assert_eq!(spans, expected);
}

#[test]
fn a_bzimage_that_cannot_be_is_refused_by_name() {
    let change = |at: usize, value: &[u8]| {
        let mut image = bzimage();
        image.bytes.to_mut()[at..at + value.len()].copy_from_slice(value);
        start_error(&image)
    };
    assert!(change(0x206, &0x0203u16.to_le_bytes()).contains("2.03 is older than 2.04"));
    assert!(change(0x211, &[0]).contains("zImage"));
    assert!(change(0x1f4, &0x1000u32.to_le_bytes()).contains("truncated: of 65536 bytes"));
    assert!(change(0x260, &0x1000_0000u32.to_le_bytes()).contains("unpacks itself would lie at 0x1000000"));
    let mut short = bzimage();
    short.bytes.to_mut().truncate(0x210);
    assert!(start_error(&short).contains("truncated within the setup header"));
    let config = BootConfig { cmdline: "x".repeat(201), ..BootConfig::default() };
    let error = start(&bzimage(), &config, Images::default()).1.unwrap_err().to_string();
    assert!(error.contains("201 bytes") && error.contains("takes 200"), "{error}");
    let images = Images { initrd: Some(Image::new("initrd", vec![0; 64 << 20])), ..Images::default() };
    let error = start(&bzimage(), &BootConfig::default(), images).1.unwrap_err().to_string();
    assert!(error.contains("no room for the initial RAM disk"), "{error}");
}

#[test]
fn the_teaching_kernel_starts_by_pvh() {
    let kernel = Image::new("teaching", ringhold_guest::KERNEL);
    let config = BootConfig {
        cmdline: "script=ps".into(),
        modules: vec![ModuleConfig { file: "m".into(), cmdline: "module text".into() }],
        ..BootConfig::default()
    };
    let images = Images { modules: vec![Image::new("m", vec![9; 10])], ..Images::default() };
    assert_eq!(detect(&kernel, BootKind::Auto), Ok(BootKind::Pvh));
    let (memory, entry) = start(&kernel, &config, images);
    let entry = entry.unwrap();
    assert!(matches!(entry.mode, Mode::Protected32 { .. }));
    let info = bytes_at(&memory, register(&entry, gpr::RBX), 56);
    assert_eq!(u32_at(&info, 0), Some(pvh::MAGIC));
    assert_eq!(u32_at(&info, 12), Some(1));
    assert_eq!(text_at(&memory, u64_at(&info, 24).unwrap()), "script=ps");
    assert_eq!(u64_at(&info, 32), Some(0xe0000));
    let map = bytes_at(&memory, u64_at(&info, 40).unwrap(), 24);
    assert_eq!((u64_at(&map, 0), u64_at(&map, 8), u32_at(&map, 16)), (Some(0), Some(0x9fc00), Some(1)));
    let module = bytes_at(&memory, u64_at(&info, 16).unwrap(), 32);
    assert_eq!(bytes_at(&memory, u64_at(&module, 0).unwrap(), 10), [9; 10]);
    assert_eq!(text_at(&memory, u64_at(&module, 16).unwrap()), "module text");
}

#[test]
fn multiboot_by_addresses_gets_its_information() {
    let config = BootConfig { cmdline: "run=all".into(), ..BootConfig::default() };
    let images = Images { modules: vec![Image::new("one.bin", vec![1; 3])], ..Images::default() };
    let (memory, entry) = start(&multiboot_by_addresses(), &config, images);
    let entry = entry.unwrap();
    assert_eq!(entry.address, 0x20_0030);
    assert_eq!(register(&entry, gpr::RAX), 0x2bad_b002);
    assert_eq!(bytes_at(&memory, 0x20_0030, 0x11), [&[0xcc; 16][..], &[0]].concat());
    let info = bytes_at(&memory, register(&entry, gpr::RBX), 116);
    assert_eq!(u32_at(&info, 4), Some(639));
    assert_eq!(u32_at(&info, 8), Some(63 * 1024));
    assert_eq!(text_at(&memory, u32_at(&info, 16).unwrap().into()), "run=all");
    let modules = bytes_at(&memory, u32_at(&info, 24).unwrap().into(), 16);
    let (start, end) = (u32_at(&modules, 0).unwrap(), u32_at(&modules, 4).unwrap());
    assert_eq!(end - start, 3);
    assert_eq!(text_at(&memory, u32_at(&modules, 8).unwrap().into()), "one.bin");
    let map = bytes_at(&memory, u32_at(&info, 48).unwrap().into(), 24);
    assert_eq!((u32_at(&map, 0), u64_at(&map, 12), u32_at(&map, 20)), (Some(20), Some(0x9fc00), Some(1)));
}

#[test]
fn a_plain_elf_file_is_entered_in_the_mode_of_its_class() {
    let mut cpu = Cpu::new(0, CpuModel::default());
    let (memory, entry) =
        start(&elf(2, 62, 0x20_0000, 0xffff_ffff_8020_0000), &BootConfig::default(), Images::default());
    let entry = entry.unwrap();
    assert_eq!(entry.address, 0x20_0004);
    assert_eq!(bytes_at(&memory, 0x20_0000, 17), b"sixteen bytes...\0");
    entry.apply(&mut cpu);
    assert_eq!((cpu.code_size(), cpu.rip, cpu.cpl), (CodeSize::Bits64, 0x20_0004, 0));
    let walk = ringhold_emulator::mmu::walk::walk(&memory, &cpu.paging(), 0xffe1_2345);
    assert_eq!(walk.outcome.map(|page| page.physical), Ok(0xffe1_2345));

    let (_, entry) = start(&elf(1, 3, 0x20_0000, 0x20_0000), &BootConfig::default(), Images::default());
    entry.unwrap().apply(&mut cpu);
    assert_eq!((cpu.code_size(), cpu.rip), (CodeSize::Bits32, 0x20_0004));
}

#[test]
fn elf_files_for_others_are_refused_by_name() {
    assert!(start_error(&elf(2, 183, 0x20_0000, 0)).contains("for arm64, not for x86"));
    assert!(start_error(&elf(2, 62, 0x9f000, 0)).contains("would lie at 0x9f000-0xa0fff"));
    assert!(start_error(&elf(2, 62, u64::MAX - 5, 0)).contains("no RAM"));
    let mut image = elf(2, 62, 0x20_0000, 0);
    image.bytes.to_mut().truncate(0x108);
    assert!(start_error(&image).contains("truncated: segment 0 takes 16 bytes"));
    image.bytes.to_mut()[5] = 2;
    assert!(start_error(&image).contains("big-endian"));
    assert!(start_error(&Image::new("k", &b""[..])).contains("empty"));
    assert!(start_error(&Image::new("k", vec![0x1f, 0x8b, 8])).contains("gzip"));
    assert!(start_error(&Image::new("k", vec![1; 100])).contains("boot.kind"));
}

#[test]
fn flat_images_go_where_the_config_says() {
    let image = Image::new("sector", vec![0xf4; 512]);
    let mut config = BootConfig { kind: BootKind::Flat, ..BootConfig::default() };
    let (memory, entry) = start(&image, &config, Images::default());
    let mut cpu = Cpu::new(0, CpuModel::default());
    entry.unwrap().apply(&mut cpu);
    assert_eq!(bytes_at(&memory, 0x7c00, 512), [0xf4; 512]);
    assert_eq!((cpu.code_size(), cpu.rip, cpu.gpr[2]), (CodeSize::Bits16, 0x7c00, 0x80));

    config.flat = FlatConfig { load: 0x3_0000, entry: 0x3_0010, mode: FlatMode::Real16 };
    start(&image, &config, Images::default()).1.unwrap().apply(&mut cpu);
    assert_eq!((cpu.seg_base[1], cpu.rip), (0x3_0000, 0x10));
    config.flat.mode = FlatMode::Long64;
    start(&image, &config, Images::default()).1.unwrap().apply(&mut cpu);
    assert_eq!((cpu.code_size(), cpu.rip), (CodeSize::Bits64, 0x3_0010));
    config.flat.entry = 0x3_0200;
    let error = start(&image, &config, Images::default()).1.unwrap_err().to_string();
    assert!(error.contains("outside the image (0x30000-0x301ff)"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is cut off or turned around, loading ends with an entry or an error.
    #[test]
    fn damaged_images_never_panic(
        which in 0..5usize,
        keep in 0.0..1.5f64,
        changes in prop::collection::vec((0..0x400usize, any::<u8>()), 0..6),
        kind in 0..6usize,
    ) {
        let image = match which {
            0 => bzimage(),
            1 => multiboot_by_addresses(),
            2 => elf(1, 3, 0x20_0000, 0x20_0000),
            3 => elf(2, 62, 0x20_0000, 0x20_0000),
            _ => Image::new("teaching", ringhold_guest::KERNEL),
        };
        let mut bytes = image.bytes.into_owned();
        bytes.truncate((bytes.len() as f64 * keep) as usize);
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let kinds = [BootKind::Auto, BootKind::Linux, BootKind::Pvh, BootKind::Multiboot, BootKind::Elf, BootKind::Auto];
        let config = BootConfig { kind: kinds[kind], ..BootConfig::default() };
        let images = Images { initrd: Some(Image::new("initrd", vec![1; 100])), ..Images::default() };
        let _ = start(&Image::new("damaged", bytes), &config, images);
    }
}
