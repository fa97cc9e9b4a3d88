//! The decoded-block cache: straight runs of internal instructions, keyed by physical address
//! and code size.

use hashbrown::HashMap;
use iced_x86::Decoder;
use iced_x86::DecoderError::NoMoreBytes;
use rustc_hash::FxBuildHasher;

use super::chain::chain;
use super::lower::{ends_block, lower, too_long, undefined};
use super::odd::{goes_on, is_locked_cr8, is_too_long, read_otherwise};
use super::op::Op;
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::exec::Leave;
use crate::memory::{CODE_LINE, StaleCode, Target};
use crate::mmu::tlb::{Access, Tlb, Translation};
use crate::mmu::walk::canonical;
use crate::model::{Feature, Features};
use crate::state::sreg;

/// Most instructions of a block.
const LONGEST: usize = 64;
/// Most blocks at a time; one more, and all are dropped.
const MOST: usize = 1 << 16;
/// Places of the jump cache; a power of two.
const JUMPS: usize = 1 << 12;
const NONE: u32 = u32::MAX;
/// The longest instruction the architecture allows.
const INSTRUCTION_BYTES: usize = 15;

/// Where a block led last time.
///
/// It is good at once while the generation stands: no fetch translation changed and no block was
/// dropped since. If it does not stand, the link may still be good, namely if a fetch translation
/// of the target is held and the block at the index is the one of its physical address.
#[derive(Clone, Copy)]
struct Link {
    /// Linear address, with the processor's mode tag.
    tag: u64,
    generation: u64,
    block: u32,
}

/// Good for nothing: neither count reaches its value.
const NO_LINK: Link = Link { tag: u64::MAX, generation: u64::MAX, block: 0 };

/// A run of instructions without a way in or out but its ends. What leads from block to block
/// fills the first cache line.
#[repr(C, align(64))]
pub struct Block {
    /// The instructions.
    pub ops: Box<[Op]>,
    links: [Link; 2],
    /// [`key`]; [`NO_KEY`] once it is dropped.
    key: u64,
    /// Physical address of the second page, which must not have changed at an entry.
    second: Option<u64>,
    /// Backing pages that the bytes lie in; the second only if the first instruction crosses.
    pages: [u32; 2],
    /// Bytes of code.
    pub bytes: u16,
}

/// The part of a block that lies in one page.
#[derive(Clone, Copy)]
struct Piece {
    block: u32,
    /// Lines of the code bitmap.
    lines: u32,
}

/// All blocks.
pub struct BlockCache {
    blocks: Vec<Block>,
    free: Vec<u32>,
    table: HashMap<u64, u32, FxBuildHasher>,
    jumps: Vec<Link>,
    by_page: HashMap<u32, Vec<Piece>, FxBuildHasher>,
    drops: u64,
    /// What is being decoded.
    ops: Vec<Op>,
    /// What is being dropped.
    condemned: Vec<u32>,
    /// Places in a page at which blocks begin, for the sake of breakpoints; ascending.
    cuts: Vec<u16>,
}

impl Default for BlockCache {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            free: Vec::new(),
            table: HashMap::default(),
            jumps: vec![NO_LINK; JUMPS],
            by_page: HashMap::default(),
            drops: 0,
            ops: Vec::with_capacity(LONGEST),
            condemned: Vec::new(),
            cuts: Vec::new(),
        }
    }
}

/// The key of a block: physical address and what the processor decodes by. Addresses have at most
/// 52 bits.
#[inline(always)]
fn key(physical: u64, cpu: &Cpu) -> u64 {
    physical << 2 | cpu.code_size() as u64 | u64::from(cpu.reading) << 54
}

/// The key of no block: no address is that high.
const NO_KEY: u64 = u64::MAX;

/// The linear address of RIP and the mode that code there is executed in. RIP alone would not
/// do: real-mode code may have one offset in segments that share a page.
#[inline(always)]
fn tag(cpu: &Cpu) -> u64 {
    linear_ip(cpu) ^ cpu.mode_tag
}

fn jump_place(tag: u64) -> usize {
    (tag ^ tag >> 12) as usize & (JUMPS - 1)
}

impl BlockCache {
    /// The block at this index.
    #[inline(always)]
    pub fn block(&self, index: u32) -> &Block {
        &self.blocks[index as usize]
    }

    fn generation(&self, cpu: &Cpu) -> u64 {
        cpu.tlb.fetch_changes() + self.drops
    }

    /// The block that follows `from` at the processor's RIP, if it is known; `taken` tells which
    /// way `from` was left.
    #[inline(always)]
    pub fn follow(&mut self, cpu: &Cpu, from: u32, taken: bool) -> Option<u32> {
        let link = &self.blocks[from as usize].links[usize::from(taken)];
        if link.tag == tag(cpu) {
            if link.generation == self.generation(cpu) {
                return Some(link.block);
            }
            if self.still_good(link, cpu) {
                let generation = self.generation(cpu);
                let link = &mut self.blocks[from as usize].links[usize::from(taken)];
                link.generation = generation;
                return Some(link.block);
            }
        }
        self.jump(cpu)
    }

    /// The block at the processor's RIP, if the jump cache knows it.
    #[inline(always)]
    pub fn jump(&self, cpu: &Cpu) -> Option<u32> {
        let link = &self.jumps[jump_place(tag(cpu))];
        let good =
            link.tag == tag(cpu) && (link.generation == self.generation(cpu) || self.still_good(link, cpu));
        good.then_some(link.block)
    }

    #[inline(always)]
    fn still_good(&self, link: &Link, cpu: &Cpu) -> bool {
        let block = &self.blocks[link.block as usize];
        held_key(cpu, linear_ip(cpu)) == Some(block.key) && block.second.is_none()
    }

    /// Remembers that the block `to` is at the processor's RIP, and which block led there which way.
    pub fn link(&mut self, cpu: &Cpu, from: Option<(u32, bool)>, to: u32) {
        let link = Link { tag: tag(cpu), generation: self.generation(cpu), block: to };
        if let Some((from, taken)) = from {
            // It is gone if all were dropped to make room for `to`.
            if let Some(from) = self.blocks.get_mut(from as usize) {
                from.links[usize::from(taken)] = link;
            }
        }
        self.jumps[jump_place(link.tag)] = link;
    }

    /// The block at the processor's RIP, decoded if need be.
    ///
    /// # Errors
    /// A fault of the fetch, raised.
    pub fn find(&mut self, cpu: &mut Cpu, board: &mut Board) -> Result<u32, Leave> {
        let linear = fetch_address(cpu)?;
        let key = match held_key(cpu, linear) {
            Some(key) => key,
            None => {
                let page = cpu.translate(board, linear, Access::Fetch, fetch_view(cpu))?;
                key(page.physical | linear & 0xfff, cpu)
            }
        };
        if let Some(&at) = self.table.get(&key) {
            let second = self.blocks[at as usize].second;
            if second.is_none() {
                return Ok(at);
            }
            let physical = second_page(cpu, board, linear)?.physical;
            if second == Some(physical) {
                return Ok(at);
            }
            self.drop_block(at);
        }
        self.decode(cpu, board, linear, key)
    }

    fn decode(&mut self, cpu: &mut Cpu, board: &mut Board, linear: u64, key: u64) -> Result<u32, Leave> {
        let first = cpu.translate(board, linear, Access::Fetch, fetch_view(cpu))?.target;
        let at = linear & 0xfff;
        let have = 4096 - at;
        let size = cpu.code_size();
        let features = cpu.model.features;
        let options = cpu.model.vendor().decoder_options();
        let mut ops = std::mem::take(&mut self.ops);
        let mut run = |bytes: &[u8]| straight_run(bytes, size, options, &features, &mut ops);
        let first_offset = backing(first);
        let some = match first_offset {
            Some(offset) => run(&board.fabric.memory.ram().page(offset / 4096)[at as usize..]),
            None => run(&[0xff; INSTRUCTION_BYTES]),
        };
        let mut second = None;
        if !some {
            // The first instruction does not end in this page.
            let page = second_page(cpu, board, linear)?;
            let mut bytes = [0xff; 2 * INSTRUCTION_BYTES];
            let split = have.min(INSTRUCTION_BYTES as u64) as usize;
            read_code(board, first, at, &mut bytes[..split]);
            read_code(board, page.target, 0, &mut bytes[split..split + INSTRUCTION_BYTES]);
            run(&bytes[..split + INSTRUCTION_BYTES]);
            ops.truncate(1);
            second = Some((page.physical, backing(page.target)));
        }
        if ops.is_empty() {
            // More than fifteen bytes: #GP(0).
            return Err(cpu.gp(0));
        }
        if !self.cuts.is_empty() {
            self.cut(at, &mut ops);
        }
        let length = ops.last().map_or(0, Op::next_offset);
        let inside = length.min(have);
        let mut block = Block {
            ops: ops.as_slice().into(),
            links: [NO_LINK; 2],
            key,
            second: second.map(|s| s.0),
            pages: [NONE; 2],
            bytes: length as u16,
        };
        self.ops = ops;
        let mut lines = [0; 2];
        let spans = [(first_offset, at, inside), (second.and_then(|s| s.1), 0, length - inside)];
        for (nth, (offset, at, length)) in spans.into_iter().enumerate() {
            let Some(offset) = offset.filter(|_| length > 0) else { continue };
            block.pages[nth] = (offset / 4096) as u32;
            lines[nth] = line_mask(at, length);
            let memory = &mut board.fabric.memory;
            let fresh = !memory.holds_code(offset);
            memory.mark_code(offset + at, length);
            if fresh {
                cpu.tlb.guard_code(offset);
            }
        }
        Ok(self.insert(block, lines))
    }

    /// Takes a block in; `lines` are those of the code bitmap in each of its pages.
    fn insert(&mut self, block: Block, lines: [u32; 2]) -> u32 {
        if self.table.len() == MOST {
            self.clear();
        }
        let (key, pages) = (block.key, block.pages);
        let index = match self.free.pop() {
            Some(index) => {
                self.blocks[index as usize] = block;
                index
            }
            None => {
                self.blocks.push(block);
                (self.blocks.len() - 1) as u32
            }
        };
        self.table.insert(key, index);
        for (page, lines) in pages.into_iter().zip(lines).filter(|(page, _)| *page != NONE) {
            self.by_page.entry(page).or_default().push(Piece { block: index, lines });
        }
        index
    }

    /// The block at the processor's RIP and its index, known or found.
    ///
    /// # Errors
    /// A fault of the fetch, raised.
    pub fn known_or_found(&mut self, cpu: &mut Cpu, board: &mut Board) -> Result<u32, Leave> {
        // RIP may have been set from outside to what no branch would allow.
        let known = canonical(cpu.rip, cpu.linear_bits()).then(|| self.jump(cpu)).flatten();
        match known {
            Some(known) => Ok(known),
            None => {
                let found = self.find(cpu, board)?;
                self.link(cpu, None, found);
                Ok(found)
            }
        }
    }

    /// Drops one block. Links to it die with its key.
    fn drop_block(&mut self, index: u32) {
        if self.blocks[index as usize].key == NO_KEY {
            // Both its pages are one in physical memory, and it was met twice.
            return;
        }
        for page in self.blocks[index as usize].pages.into_iter().filter(|page| *page != NONE) {
            if let Some(list) = self.by_page.get_mut(&page) {
                list.retain(|piece| piece.block != index);
            }
        }
        self.drop_unlisted(index);
    }

    /// Drops a block of which no page has a piece any more.
    fn drop_unlisted(&mut self, index: u32) {
        let block = &mut self.blocks[index as usize];
        block.ops = Box::default();
        self.table.remove(&block.key);
        block.key = NO_KEY;
        self.drops += 1;
        self.free.push(index);
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        let drops = self.drops + 1;
        let cuts = std::mem::take(&mut self.cuts);
        *self = Self { drops, cuts, ..Self::default() };
    }

    /// From now on blocks begin at these places of every page (ascending), and end before them.
    /// Blocks are known by physical address and breakpoints by linear address, but a place in a
    /// page is the same in both.
    pub fn cut_at(&mut self, cuts: Vec<u16>) {
        self.cuts = cuts;
        self.clear();
    }

    /// Ends a block that begins at `at` before the next cut.
    fn cut(&self, at: u64, ops: &mut Vec<Op>) {
        let cut = |op: &Op| self.cuts.binary_search(&((at + u64::from(op.offset)) as u16 & 0xfff)).is_ok();
        if let Some(end) = ops.iter().skip(1).position(cut) {
            ops.truncate(end + 1);
        }
    }

    /// Drops every block that was decoded from these lines.
    pub fn invalidate(&mut self, stale: &[StaleCode]) {
        for span in stale {
            let Some(pieces) = self.by_page.get_mut(&span.page) else { continue };
            let mut condemned = std::mem::take(&mut self.condemned);
            let mut nth = 0;
            while let Some(piece) = pieces.get(nth) {
                if piece.lines & span.lines == 0 {
                    nth += 1;
                } else {
                    condemned.push(pieces.swap_remove(nth).block);
                }
            }
            for index in condemned.drain(..) {
                match self.blocks[index as usize].pages {
                    [_, NONE] => self.drop_unlisted(index),
                    _ => self.drop_block(index),
                }
            }
            self.condemned = condemned;
        }
    }
}

/// The linear address of RIP, unchecked.
#[inline(always)]
fn linear_ip(cpu: &Cpu) -> u64 {
    cpu.rip.wrapping_add(cpu.seg_base[usize::from(sreg::CS)])
}

/// The key of the block at this linear address, if a fetch translation of it is held.
#[inline(always)]
fn held_key(cpu: &Cpu, linear: u64) -> Option<u64> {
    let page = cpu.tlb.fetch_page(linear, fetch_view(cpu))?;
    Some(key(page | linear & 0xfff, cpu))
}

fn line_mask(at: u64, length: u64) -> u32 {
    let (first, last) = (at / CODE_LINE, (at + length - 1) / CODE_LINE);
    (u32::MAX << first) & (u32::MAX >> (31 - last))
}

#[inline(always)]
fn fetch_view(cpu: &Cpu) -> usize {
    if cpu.cpl == 3 { Tlb::USER } else { Tlb::SUPERVISOR }
}

/// Translates the page after that of `linear`, into which the instruction at RIP goes on.
///
/// # Errors
/// A fault, raised: the limit of CS and the form of the address come before paging (SDM volume
/// 3, table 7-2).
fn second_page(cpu: &mut Cpu, board: &mut Board, linear: u64) -> Result<Translation, Leave> {
    let next = (linear | 0xfff).wrapping_add(1);
    let fits = if cpu.code_size() == CodeSize::Bits64 {
        canonical(next, cpu.linear_bits())
    } else {
        cpu.rip + (next - linear) <= u64::from(cpu.seg[usize::from(sreg::CS)].limit)
    };
    if !fits {
        return Err(cpu.gp(0));
    }
    cpu.translate(board, cpu.wrap(next), Access::Fetch, fetch_view(cpu))
}

/// The linear address of RIP, checked.
fn fetch_address(cpu: &mut Cpu) -> Result<u64, Leave> {
    if cpu.code_size() == CodeSize::Bits64 {
        if !canonical(cpu.rip, cpu.linear_bits()) {
            return Err(cpu.gp(0));
        }
        return Ok(cpu.rip);
    }
    let code = &cpu.seg[usize::from(sreg::CS)];
    if cpu.rip > u64::from(code.limit) {
        return Err(cpu.gp(0));
    }
    Ok(code.base.wrapping_add(cpu.rip) & 0xffff_ffff)
}

/// Where code lies in backing store; device windows and holes are not there.
fn backing(target: Target) -> Option<u64> {
    match target {
        Target::Ram { offset } | Target::Rom { offset } => Some(offset),
        Target::Mmio { .. } | Target::Hole => None,
    }
}

/// Copies code out of backing store. Device windows and holes read as all ones.
fn read_code(board: &Board, target: Target, at: u64, buffer: &mut [u8]) {
    match backing(target) {
        Some(offset) => board.fabric.memory.ram().read(offset + at, buffer),
        None => buffer.fill(0xff),
    }
}

/// Decodes into `ops` until an instruction ends the block, the bytes run out, or the block is full;
/// tells whether that gave any.
fn straight_run(bytes: &[u8], size: CodeSize, options: u32, features: &Features, ops: &mut Vec<Op>) -> bool {
    let bits = match size {
        CodeSize::Bits16 => 16,
        CodeSize::Bits32 => 32,
        CodeSize::Bits64 => 64,
    };
    let mut decoder = Decoder::with_ip(bits, bytes, 0, options);
    ops.clear();
    while decoder.can_decode() && ops.len() < LONGEST {
        let offset = decoder.position();
        let mut instruction = decoder.decode();
        let rest = &bytes[offset..];
        if instruction.is_invalid() && (decoder.last_error() == NoMoreBytes || goes_on(rest, bits, options)) {
            // Fifteen bytes without an end are too many in any case.
            break;
        }
        if let Some(other) = read_otherwise(&instruction, rest, bits, options) {
            let end = offset + other.len();
            if decoder.set_position(end).is_err() {
                break;
            }
            decoder.set_ip(end as u64);
            instruction = other;
        }
        let mut op = lower(&instruction, offset as u16, ops.len() as u8, size, features);
        if instruction.is_invalid() && is_too_long(rest, bits, options) {
            op.run = chain(too_long);
        }
        if !features.has(Feature::Cr8Legacy) && is_locked_cr8(&instruction, rest) {
            op.run = chain(undefined);
        }
        let ends = instruction.is_invalid() || ends_block(&instruction, &op);
        ops.push(op);
        if ends {
            break;
        }
    }
    !ops.is_empty()
}
