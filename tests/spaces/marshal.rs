//! From commands to the arguments of a call by address, in the order of the vtable.
//!
//! Every argument is a number or a pointer of at most 64 bits, and both 64-bit calling conventions
//! pass those alike, whatever their type; so one call with enough of them fits every method.

use ringhold::debugapi::Location;
use ringhold::debugapi::command::{
    Command, Event, Field, HostContext, Input, Method, Output, Reader, Room, Shape, Text,
};
use ringhold::debugapi::spaces::Guid;

/// What memory has before a call.
const UNTOUCHED: u8 = 0xa5;
/// Bytes for an object of a fixed size.
const OBJECT: usize = 512;
/// The most that one transfer moves.
const MOST: u64 = 64 << 20;

/// The method of a command.
pub fn method(command: &Command) -> &'static Method {
    let (interface, slot) = command.number();
    Method::at(interface as u16, slot).unwrap()
}

/// The text among events.
pub fn said(events: &[Event]) -> String {
    let text = |event: &Event| match event {
        Event::Output { text, .. } => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

/// Memory for one output.
pub type Image = Vec<u8>;

/// The bytes of a unit of a method's out-buffer.
fn unit(method: &Method) -> usize {
    match method.name {
        "GetStackTrace" => 128,
        name if name.ends_with("Wide") => 2,
        name if method.outputs.contains(&Shape::pointers) && !name.ends_with("Bytes") => 8,
        _ => 1,
    }
}

/// The out-buffer among a command's parameters; of several, which are of one size, the last.
fn room(command: &Command) -> Option<Room> {
    let mut bytes = Vec::new();
    command.put(&mut bytes);
    let mut from = Reader::new(&bytes);
    let mut found = None;
    for (_, kind) in method(command).parameters {
        match *kind {
            "u32" => drop(u32::take(&mut from).unwrap()),
            "u64" => drop(u64::take(&mut from).unwrap()),
            "Room" => found = Some(Room::take(&mut from).unwrap()),
            "Data" => drop(Input::<u8>::take(&mut from).unwrap()),
            "Input<u32>" => drop(Input::<u32>::take(&mut from).unwrap()),
            "Input<u64>" => drop(Input::<u64>::take(&mut from).unwrap()),
            "Pointers" => drop(Input::<u64>::take(&mut from).unwrap()),
            "Guid" => drop(Guid::take(&mut from).unwrap()),
            "Location" => drop(Location::take(&mut from).unwrap()),
            "HostContext" => drop(<HostContext as Field>::take(&mut from).unwrap()),
            "Text" => drop(Text::take(&mut from).unwrap()),
            "bool" => drop(bool::take(&mut from).unwrap()),
            other => panic!("the table has no {other}"),
        }
    }
    found
}

/// How large the memory of each output is.
fn sizes(command: &Command) -> Vec<usize> {
    let method = method(command);
    let buffer = room(command).map(|room| match room.null {
        true => 0,
        false => room.count.min(MOST) as usize * unit(method),
    });
    let size = |shape: &Shape| match shape {
        Shape::u32 => 4,
        Shape::u64 => 8,
        Shape::guid => 16,
        Shape::bytes | Shape::pointers => buffer.unwrap_or(OBJECT),
    };
    method.outputs.iter().map(size).collect()
}

/// What the memory of each output has after a call with these outputs.
pub fn images(command: &Command, outputs: &[Output]) -> Vec<Image> {
    let bytes = |output: &Output| match output {
        Output::U32(value) => value.to_le_bytes().to_vec(),
        Output::U64(value) => value.to_le_bytes().to_vec(),
        Output::Bytes(bytes) => bytes.clone(),
        Output::Pointers(pointers) => pointers.iter().flat_map(|p| p.to_le_bytes()).collect(),
        Output::Guid(guid) => {
            let mut bytes = Vec::new();
            guid.put(&mut bytes);
            bytes
        }
    };
    let image = |(size, output): (usize, &Output)| {
        let mut image = vec![UNTOUCHED; size];
        let bytes = bytes(output);
        image[..bytes.len()].copy_from_slice(&bytes);
        image
    };
    assert_eq!(outputs.len(), method(command).outputs.len(), "{command:?}");
    let mut images: Vec<Image> = sizes(command).into_iter().zip(outputs).map(image).collect();
    if let Command::Evaluate { remainder: false, .. } = command {
        // There was no place for it.
        images[1].fill(UNTOUCHED);
    }
    images
}

/// The arguments that a method has at most, behind its object.
pub const MOST_ARGUMENTS: usize = 11;

/// The arguments of a call, and the memory that they lead to.
pub struct Call {
    /// Behind the object's own.
    pub arguments: [u64; MOST_ARGUMENTS],
    /// The memory of the outputs, as it is before.
    pub images: Vec<Image>,
    /// What in-pointers lead to.
    _inputs: Vec<Vec<u8>>,
}

/// Prepares a call; with `nulled`, all out-pointers but buffers are null.
pub fn call(command: &Command, nulled: bool) -> Call {
    let method = method(command);
    let mut images: Vec<Image> = sizes(command).into_iter().map(|size| vec![UNTOUCHED; size]).collect();
    let is_buffer = |shape: &Shape| matches!(shape, Shape::bytes | Shape::pointers);
    let mut buffers = (0..method.outputs.len()).filter(|at| is_buffer(&method.outputs[*at]));
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    let mut arguments = Vec::new();
    let mut has_room = false;
    let mut bytes = Vec::new();
    command.put(&mut bytes);
    let mut from = Reader::new(&bytes);
    // The in-buffer as pointer and count.
    let mut input = |null: Option<u64>, bytes: Vec<u8>, count: u64| match null {
        Some(count) => [0, count],
        None => {
            inputs.push(bytes);
            [inputs.last().unwrap().as_ptr() as u64, count]
        }
    };
    // Whether the place of the remainder is null.
    let mut no_remainder = false;
    for (name, kind) in method.parameters {
        match *kind {
            "bool" if *name == "remainder" => no_remainder = !bool::take(&mut from).unwrap(),
            "bool" => arguments.push(bool::take(&mut from).unwrap().into()),
            "Text" => {
                let text = Text::take(&mut from).unwrap().0;
                arguments.push(input(None, [text.as_bytes(), &[0]].concat(), 0)[0]);
            }
            "u32" => arguments.push(u32::take(&mut from).unwrap().into()),
            "u64" => arguments.push(u64::take(&mut from).unwrap()),
            "Room" => {
                let room = Room::take(&mut from).unwrap();
                has_room = true;
                let pointer = match room.null {
                    true => 0,
                    false => images[buffers.next().unwrap()].as_mut_ptr() as u64,
                };
                place(method, &mut arguments, [pointer, room.count]);
            }
            "Data" => arguments.extend(match Input::<u8>::take(&mut from).unwrap() {
                Input::Null(count) => input(Some(count), vec![], 0),
                Input::Given(bytes) => {
                    let count = bytes.len() as u64;
                    input(None, bytes, count)
                }
            }),
            "Pointers" => {
                let pair = match Input::<u64>::take(&mut from).unwrap() {
                    Input::Null(count) => input(Some(count), vec![], 0),
                    Input::Given(pointers) => {
                        let bytes = pointers.iter().flat_map(|p| p.to_le_bytes()).collect();
                        input(None, bytes, pointers.len() as u64)
                    }
                };
                place(method, &mut arguments, pair);
            }
            // The count is a parameter of its own.
            "Input<u32>" => arguments.push(match Input::<u32>::take(&mut from).unwrap() {
                Input::Null(_) => 0,
                Input::Given(numbers) => {
                    input(None, numbers.iter().flat_map(|number| number.to_le_bytes()).collect(), 0)[0]
                }
            }),
            "Input<u64>" => arguments.push(match Input::<u64>::take(&mut from).unwrap() {
                Input::Null(_) => 0,
                Input::Given(numbers) => {
                    input(None, numbers.iter().flat_map(|number| number.to_le_bytes()).collect(), 0)[0]
                }
            }),
            "Guid" => {
                let mut bytes = Vec::new();
                Guid::take(&mut from).unwrap().put(&mut bytes);
                arguments.push(input(None, bytes, 16)[0]);
            }
            // By value: two registers, or 16 bytes of the stack.
            "Location" => {
                let location = Location::take(&mut from).unwrap();
                arguments.extend([location.host_defined, location.offset]);
            }
            "HostContext" => {
                assert_eq!(
                    <HostContext as Field>::take(&mut from).unwrap(),
                    None,
                    "contexts have a test of their own"
                );
                arguments.push(0);
            }
            other => panic!("the table has no {other}"),
        }
    }
    for (at, shape) in method.outputs.iter().enumerate() {
        if !(is_buffer(shape) && has_room) {
            let null = nulled || (no_remainder && *shape == Shape::u32);
            arguments.push(if null { 0 } else { images[at].as_mut_ptr() as u64 });
        }
    }
    if let ("GetLastEventInformation", &[p, c, q, d, a, b, e, f, g]) = (method.name, &arguments[..]) {
        // Each buffer stands before its own size.
        arguments = vec![a, b, e, p, c, f, q, d, g];
    }
    if let ("GetModuleNames", &[index, base, a, n, b, m, c, l, p, q, r]) = (method.name, &arguments[..]) {
        arguments = vec![index, base, a, n, p, b, m, q, c, l, r];
    }
    let mut padded = [0; MOST_ARGUMENTS];
    padded[..arguments.len()].copy_from_slice(&arguments);
    Call { arguments: padded, images, _inputs: inputs }
}

/// Puts a pointer and a count where the method has them: arrays of pointers come with the count
/// in front, in the data spaces in front of the offset as well.
fn place(method: &Method, arguments: &mut Vec<u64>, [pointer, count]: [u64; 2]) {
    match method.name {
        "ReadPointersVirtual" | "WritePointersVirtual" => {
            arguments.insert(0, count);
            arguments.push(pointer);
        }
        "ReadPointers" | "WritePointers" => arguments.extend([count, pointer]),
        _ => arguments.extend([pointer, count]),
    }
}
