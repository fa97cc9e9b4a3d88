// Ringhold for C: the calls of DbgEng's clients over a machine that a config describes.
//
// Made by cbindgen from capi/src; a test holds it to that.
//
// Functions take a session that ringhold_create gave. Buffers have the sizes that belong to them,
// texts end with a zero byte. A null out-pointer suppresses that output, or is E_INVALIDARG where
// the call is for nothing else; a null buffer is E_INVALIDARG unless nothing was asked for. A null
// session is E_INVALIDARG.

#ifndef RINGHOLD_H
#define RINGHOLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

// A machine on a thread of its own, and a debugger's session over it.
typedef struct RingholdSession RingholdSession;

// A result: negative for failure.
typedef int32_t HRESULT;

// Told what a command says: the context that was given with it, the kind of text
// (`DEBUG_OUTPUT_*`: 1 normal, 2 error, 16 prompt), and the text.
typedef void (*RingholdOutput)(void *context, uint32_t mask, const char *text);

// Whose view of the machine. A null pointer to it means the session's own.
typedef struct RingholdContext {
  // The processor, counted from zero.
  uint32_t processor;
  // Whether `root` counts.
  bool has_root;
  // A paging root in place of the processor's own.
  uint64_t root;
} RingholdContext;

// A place: host_defined 0 and a virtual address, or what the book's chapter on the spaces lists.
typedef struct RingholdLocation {
  // What kind of place.
  uint64_t host_defined;
  // Where in it.
  uint64_t offset;
} RingholdLocation;

// A GUID.
typedef struct RingholdGuid {
  // The first field.
  uint32_t data1;
  // The second.
  uint16_t data2;
  // The third.
  uint16_t data3;
  // The rest.
  uint8_t data4[8];
} RingholdGuid;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// How many breakpoints there are.
HRESULT ringhold_get_number_breakpoints(const struct RingholdSession *session, uint32_t *number);

// The breakpoint at a place of the list, which goes by ids; 0x80004002 if there is none.
HRESULT ringhold_get_breakpoint_by_index(const struct RingholdSession *session,
                                         uint32_t index,
                                         uint64_t *breakpoint);

// The breakpoint with an id; 0x80004002 if there is none.
HRESULT ringhold_get_breakpoint_by_id(const struct RingholdSession *session,
                                      uint32_t id,
                                      uint64_t *breakpoint);

// Objects of 56 bytes (DEBUG_BREAKPOINT_PARAMETERS): of `count` ids, or with null of `count` breakpoints from
// the index `start` on. One that is not there has the id 0xFFFFFFFF, and makes the answer S_FALSE.
HRESULT ringhold_get_breakpoint_parameters(const struct RingholdSession *session,
                                           uint32_t count,
                                           const uint32_t *ids,
                                           uint32_t start,
                                           void *parameters);

// Adds a breakpoint, empty and disabled: kind 0 at code, 1 at data. `desired_id` 0xFFFFFFFF takes the
// smallest that is free.
HRESULT ringhold_add_breakpoint(const struct RingholdSession *session,
                                uint32_t kind,
                                uint32_t desired_id,
                                uint64_t *breakpoint);

// Removes a breakpoint.
HRESULT ringhold_remove_breakpoint(const struct RingholdSession *session, uint64_t breakpoint);

// The id.
HRESULT ringhold_breakpoint_get_id(const struct RingholdSession *session,
                                   uint64_t breakpoint,
                                   uint32_t *id);

// The kind, and 0x8664.
HRESULT ringhold_breakpoint_get_type(const struct RingholdSession *session,
                                     uint64_t breakpoint,
                                     uint32_t *kind,
                                     uint32_t *processor_type);

// The flags: 1 for go alone, 2 deferred, 4 enabled, 8 for its adder alone, 16 for one time.
HRESULT ringhold_breakpoint_get_flags(const struct RingholdSession *session,
                                      uint64_t breakpoint,
                                      uint32_t *flags);

// Adds flags.
HRESULT ringhold_breakpoint_add_flags(const struct RingholdSession *session,
                                      uint64_t breakpoint,
                                      uint32_t flags);

// Takes flags away.
HRESULT ringhold_breakpoint_remove_flags(const struct RingholdSession *session,
                                         uint64_t breakpoint,
                                         uint32_t flags);

// Sets all flags but 2, which no one sets.
HRESULT ringhold_breakpoint_set_flags(const struct RingholdSession *session,
                                      uint64_t breakpoint,
                                      uint32_t flags);

// The linear address, or the port.
HRESULT ringhold_breakpoint_get_offset(const struct RingholdSession *session,
                                       uint64_t breakpoint,
                                       uint64_t *offset);

// Sets the linear address, or the port.
HRESULT ringhold_breakpoint_set_offset(const struct RingholdSession *session,
                                       uint64_t breakpoint,
                                       uint64_t offset);

// How many bytes, and for what: see `ringhold_breakpoint_set_data_parameters`.
HRESULT ringhold_breakpoint_get_data_parameters(const struct RingholdSession *session,
                                                uint64_t breakpoint,
                                                uint32_t *size,
                                                uint32_t *access_type);

// How many bytes (1, 2, 4 or 8), and for what: 1 reads, 2 writes, 3 both, 4 execution (of 1 byte), 8 ports.
HRESULT ringhold_breakpoint_set_data_parameters(const struct RingholdSession *session,
                                                uint64_t breakpoint,
                                                uint32_t size,
                                                uint32_t access_type);

// At which time it is hit, counted from 1.
HRESULT ringhold_breakpoint_get_pass_count(const struct RingholdSession *session,
                                           uint64_t breakpoint,
                                           uint32_t *count);

// Sets at which time it is hit; counts anew.
HRESULT ringhold_breakpoint_set_pass_count(const struct RingholdSession *session,
                                           uint64_t breakpoint,
                                           uint32_t count);

// How often it must still be reached.
HRESULT ringhold_breakpoint_get_current_pass_count(const struct RingholdSession *session,
                                                   uint64_t breakpoint,
                                                   uint32_t *count);

// The processor that alone can hit it; 0x80004002 if all can.
HRESULT ringhold_breakpoint_get_match_thread_id(const struct RingholdSession *session,
                                                uint64_t breakpoint,
                                                uint32_t *thread);

// Sets the processor that alone can hit it; 0xFFFFFFFF for all.
HRESULT ringhold_breakpoint_set_match_thread_id(const struct RingholdSession *session,
                                                uint64_t breakpoint,
                                                uint32_t thread);

// The command that is kept for a debugger.
HRESULT ringhold_breakpoint_get_command(const struct RingholdSession *session,
                                        uint64_t breakpoint,
                                        char *buffer,
                                        uint32_t buffer_size,
                                        uint32_t *command_size);

// Sets the command that is kept for a debugger.
HRESULT ringhold_breakpoint_set_command(const struct RingholdSession *session,
                                        uint64_t breakpoint,
                                        const char *command);

// The expression that gives the offset.
HRESULT ringhold_breakpoint_get_offset_expression(const struct RingholdSession *session,
                                                  uint64_t breakpoint,
                                                  char *buffer,
                                                  uint32_t buffer_size,
                                                  uint32_t *expression_size);

// Sets the expression that gives the offset.
HRESULT ringhold_breakpoint_set_offset_expression(const struct RingholdSession *session,
                                                  uint64_t breakpoint,
                                                  const char *expression);

// All of it: a DEBUG_BREAKPOINT_PARAMETERS of 56 bytes.
HRESULT ringhold_breakpoint_get_parameters(const struct RingholdSession *session,
                                           uint64_t breakpoint,
                                           void *parameters);

// S_OK if the user has asked for an interrupt, S_FALSE if not.
HRESULT ringhold_get_interrupt(const struct RingholdSession *session);

// 0 stops a running target, 1 notes that the user wants it, 2 ends the waiting for an event. From any thread.
HRESULT ringhold_set_interrupt(const struct RingholdSession *session,
                               uint32_t flags);

// Class 1 is a kernel; 0 is none.
HRESULT ringhold_get_debuggee_type(const struct RingholdSession *session,
                                   uint32_t *debuggee_class,
                                   uint32_t *qualifier);

// 0x8664
HRESULT ringhold_get_actual_processor_type(const struct RingholdSession *session, uint32_t *kind);

// 0x8664, or 0x14C in 16-bit and 32-bit code.
HRESULT ringhold_get_executing_processor_type(const struct RingholdSession *session,
                                              uint32_t *kind);

// How many processors there are.
HRESULT ringhold_get_number_processors(const struct RingholdSession *session, uint32_t *number);

// 4096
HRESULT ringhold_get_page_size(const struct RingholdSession *session, uint32_t *size);

// S_OK for yes, S_FALSE for no.
HRESULT ringhold_is_pointer64_bit(const struct RingholdSession *session);

// What decides about the size of pointers.
HRESULT ringhold_get_effective_processor_type(const struct RingholdSession *session,
                                              uint32_t *kind);

// 0x8664 or 0x14C.
HRESULT ringhold_set_effective_processor_type(const struct RingholdSession *session,
                                              uint32_t processor_type);

// 1 runs, 6 stands still, 7 there is no target.
HRESULT ringhold_get_execution_status(const struct RingholdSession *session, uint32_t *status);

// 1 go, 4 one instruction but over calls, 5 one instruction; it takes effect at the next `ringhold_wait_for_event`.
HRESULT ringhold_set_execution_status(const struct RingholdSession *session,
                                      uint32_t status);

// Lets the target run until something stops it, at most so many milliseconds of its own time.
HRESULT ringhold_wait_for_event(const struct RingholdSession *session,
                                uint32_t flags,
                                uint32_t timeout);

// What the last event was.
HRESULT ringhold_get_last_event_information(const struct RingholdSession *session,
                                            uint32_t *kind,
                                            uint32_t *process,
                                            uint32_t *thread,
                                            void *extra,
                                            uint32_t extra_size,
                                            uint32_t *extra_used,
                                            char *description,
                                            uint32_t description_size,
                                            uint32_t *description_used);

// The current processor.
HRESULT ringhold_get_current_thread_id(const struct RingholdSession *session, uint32_t *id);

// Selects the current processor.
HRESULT ringhold_set_current_thread_id(const struct RingholdSession *session, uint32_t id);

// How many processors there are.
HRESULT ringhold_get_number_threads(const struct RingholdSession *session, uint32_t *number);

// The paging root of virtual accesses.
HRESULT ringhold_get_implicit_process_data_offset(const struct RingholdSession *session,
                                                  uint64_t *offset);

// Selects a paging root in place of the processor's own; 0 leads back.
HRESULT ringhold_set_implicit_process_data_offset(const struct RingholdSession *session,
                                                  uint64_t offset);

// Carries out a console command in WinDbg's syntax; `output`, unless null, hears what it says
// before this returns. Flags: 1 echoes the command, 4 keeps an empty line from repeating it. A
// command that lets the target run takes effect at the next `ringhold_wait_for_event`.
HRESULT ringhold_execute(const struct RingholdSession *session,
                         const char *command,
                         uint32_t flags,
                         RingholdOutput output,
                         void *context);

// The value of a MASM expression as a DEBUG_VALUE of 32 bytes; type 0 takes 64 bits. Without a
// place for the index behind the expression, all of the text must be one.
HRESULT ringhold_evaluate(const struct RingholdSession *session,
                          const char *expression,
                          uint32_t desired_type,
                          void *value,
                          uint32_t *remainder);

// The instruction at an address: address, bytes and words, and where the next one begins.
HRESULT ringhold_disassemble(const struct RingholdSession *session,
                             uint64_t offset,
                             uint32_t flags,
                             char *buffer,
                             uint32_t size,
                             uint32_t *used,
                             uint64_t *end);

// The functions that were called and have not returned, the innermost first: `size` DEBUG_STACK_FRAMEs of 128
// bytes at most. Zeros stand for the registers. Found by frame pointers alone.
HRESULT ringhold_get_stack_trace(const struct RingholdSession *session,
                                 uint64_t frame_offset,
                                 uint64_t stack_offset,
                                 uint64_t instruction_offset,
                                 void *frames,
                                 uint32_t size,
                                 uint32_t *filled);

// Where the innermost function returns to; E_FAIL if that is not known.
HRESULT ringhold_get_return_offset(const struct RingholdSession *session, uint64_t *offset);

// What stands before a command: `kd> `, with the processor's number if there are several.
HRESULT ringhold_get_prompt_text(const struct RingholdSession *session,
                                 char *buffer,
                                 uint32_t size,
                                 uint32_t *used);

// Reads any space. S_OK for all of it, S_FALSE for a part.
HRESULT ringhold_read_bytes(const struct RingholdSession *session,
                            const struct RingholdContext *context,
                            struct RingholdLocation location,
                            void *buffer,
                            uint64_t size,
                            uint64_t *read);

// Writes any space. S_OK for all of it, S_FALSE for a part.
HRESULT ringhold_write_bytes(const struct RingholdSession *session,
                             const struct RingholdContext *context,
                             struct RingholdLocation location,
                             const void *buffer,
                             uint64_t size,
                             uint64_t *written);

// Reads pointers of the target; those of 4 bytes are zero-extended.
HRESULT ringhold_read_pointers(const struct RingholdSession *session,
                               const struct RingholdContext *context,
                               struct RingholdLocation location,
                               uint64_t count,
                               uint64_t *pointers);

// Writes pointers of the target.
HRESULT ringhold_write_pointers(const struct RingholdSession *session,
                                const struct RingholdContext *context,
                                struct RingholdLocation location,
                                uint64_t count,
                                const uint64_t *pointers);

// The virtual address of a location, if it has one.
HRESULT ringhold_linearize_location(const struct RingholdSession *session,
                                    const struct RingholdContext *context,
                                    struct RingholdLocation location,
                                    struct RingholdLocation *linear);

// A location in words: a string of UTF-16 characters with a zero behind them, and their length in
// bytes in the four bytes before them, as Automation's are. `ringhold_free_string` frees it.
HRESULT ringhold_get_display_string_for_location(const struct RingholdSession *session,
                                                 const struct RingholdContext *context,
                                                 struct RingholdLocation location,
                                                 bool verbose,
                                                 uint16_t **string);

// Frees a string that came from here, as SysFreeString does; nothing for null.
void ringhold_free_string(uint16_t *string);

// Reads virtual memory. S_OK if at least one byte was read.
HRESULT ringhold_read_virtual(const struct RingholdSession *session,
                              uint64_t offset,
                              void *buffer,
                              uint32_t size,
                              uint32_t *read);

// Writes virtual memory. S_OK if at least one byte was written; the count tells how many.
HRESULT ringhold_write_virtual(const struct RingholdSession *session,
                               uint64_t offset,
                               const void *buffer,
                               uint32_t size,
                               uint32_t *written);

// Finds a pattern in virtual memory; 0x9000001A if it is not there.
HRESULT ringhold_search_virtual(const struct RingholdSession *session,
                                uint64_t offset,
                                uint64_t length,
                                const void *pattern,
                                uint32_t size,
                                uint32_t granularity,
                                uint64_t *found);

// The same as `ringhold_read_virtual`: there is no cache.
HRESULT ringhold_read_virtual_uncached(const struct RingholdSession *session,
                                       uint64_t offset,
                                       void *buffer,
                                       uint32_t size,
                                       uint32_t *read);

// The same as `ringhold_write_virtual`: there is no cache.
HRESULT ringhold_write_virtual_uncached(const struct RingholdSession *session,
                                        uint64_t offset,
                                        const void *buffer,
                                        uint32_t size,
                                        uint32_t *written);

// Reads pointers of the target; those of 4 bytes are sign-extended. All or an error.
HRESULT ringhold_read_pointers_virtual(const struct RingholdSession *session,
                                       uint32_t count,
                                       uint64_t offset,
                                       uint64_t *pointers);

// Writes pointers of the target, cut to their size. All or an error.
HRESULT ringhold_write_pointers_virtual(const struct RingholdSession *session,
                                        uint32_t count,
                                        uint64_t offset,
                                        const uint64_t *pointers);

// Reads physical memory. A device window is a device access.
HRESULT ringhold_read_physical(const struct RingholdSession *session,
                               uint64_t offset,
                               void *buffer,
                               uint32_t size,
                               uint32_t *read);

// Writes physical memory. A device window is a device access; ROM is refused.
HRESULT ringhold_write_physical(const struct RingholdSession *session,
                                uint64_t offset,
                                const void *buffer,
                                uint32_t size,
                                uint32_t *written);

// Reads control space: selector 2 is the block of special registers.
HRESULT ringhold_read_control(const struct RingholdSession *session,
                              uint32_t processor,
                              uint64_t offset,
                              void *buffer,
                              uint32_t size,
                              uint32_t *read);

// Writes control space: selector 2 alone.
HRESULT ringhold_write_control(const struct RingholdSession *session,
                               uint32_t processor,
                               uint64_t offset,
                               const void *buffer,
                               uint32_t size,
                               uint32_t *written);

// Reads a port: interface type 1, bus 0, address space 1, sizes 1, 2, 4.
HRESULT ringhold_read_io(const struct RingholdSession *session,
                         uint32_t interface_type,
                         uint32_t bus_number,
                         uint32_t address_space,
                         uint64_t offset,
                         void *buffer,
                         uint32_t size,
                         uint32_t *read);

// Writes a port: interface type 1, bus 0, address space 1, sizes 1, 2, 4.
HRESULT ringhold_write_io(const struct RingholdSession *session,
                          uint32_t interface_type,
                          uint32_t bus_number,
                          uint32_t address_space,
                          uint64_t offset,
                          const void *buffer,
                          uint32_t size,
                          uint32_t *written);

// Reads an MSR of the current processor.
HRESULT ringhold_read_msr(const struct RingholdSession *session, uint32_t msr, uint64_t *value);

// Writes an MSR of the current processor, with the checks of WRMSR.
HRESULT ringhold_write_msr(const struct RingholdSession *session, uint32_t msr, uint64_t value);

// Reads configuration space: type 4, `segment << 8 | bus`, `device | function << 5`.
HRESULT ringhold_read_bus_data(const struct RingholdSession *session,
                               uint32_t bus_data_type,
                               uint32_t bus_number,
                               uint32_t slot_number,
                               uint32_t offset,
                               void *buffer,
                               uint32_t size,
                               uint32_t *read);

// Writes configuration space: type 4, `segment << 8 | bus`, `device | function << 5`.
HRESULT ringhold_write_bus_data(const struct RingholdSession *session,
                                uint32_t bus_data_type,
                                uint32_t bus_number,
                                uint32_t slot_number,
                                uint32_t offset,
                                const void *buffer,
                                uint32_t size,
                                uint32_t *written);

// Fills virtual memory with a pattern.
HRESULT ringhold_fill_virtual(const struct RingholdSession *session,
                              uint64_t start,
                              uint32_t size,
                              const void *pattern,
                              uint32_t pattern_size,
                              uint32_t *filled);

// Fills physical memory with a pattern.
HRESULT ringhold_fill_physical(const struct RingholdSession *session,
                               uint64_t start,
                               uint32_t size,
                               const void *pattern,
                               uint32_t pattern_size,
                               uint32_t *filled);

// The same as `ringhold_search_virtual`; with flag 1 in writable memory alone.
HRESULT ringhold_search_virtual2(const struct RingholdSession *session,
                                 uint64_t offset,
                                 uint64_t length,
                                 uint32_t flags,
                                 const void *pattern,
                                 uint32_t size,
                                 uint32_t granularity,
                                 uint64_t *found);

// The same as `ringhold_read_physical`, with cache flags 0 to 3.
HRESULT ringhold_read_physical2(const struct RingholdSession *session,
                                uint64_t offset,
                                uint32_t flags,
                                void *buffer,
                                uint32_t size,
                                uint32_t *read);

// The same as `ringhold_write_physical`, with cache flags 0 to 3.
HRESULT ringhold_write_physical2(const struct RingholdSession *session,
                                 uint64_t offset,
                                 uint32_t flags,
                                 const void *buffer,
                                 uint32_t size,
                                 uint32_t *written);

// How many registers there are.
HRESULT ringhold_get_number_registers(const struct RingholdSession *session, uint32_t *number);

// The name of a register, and its DEBUG_REGISTER_DESCRIPTION of 32 bytes.
HRESULT ringhold_get_description(const struct RingholdSession *session,
                                 uint32_t register_,
                                 char *name,
                                 uint32_t size,
                                 uint32_t *name_size,
                                 void *description);

// The index of a register; E_NOINTERFACE if there is none of this name.
HRESULT ringhold_get_index_by_name(const struct RingholdSession *session,
                                   const char *name,
                                   uint32_t *index);

// A register as a DEBUG_VALUE of 32 bytes.
HRESULT ringhold_get_value(const struct RingholdSession *session, uint32_t register_, void *value);

// Writes a register from a DEBUG_VALUE of 32 bytes.
HRESULT ringhold_set_value(const struct RingholdSession *session,
                           uint32_t register_,
                           const uint8_t (*value)[32]);

// The linear address of the next instruction.
HRESULT ringhold_get_instruction_offset(const struct RingholdSession *session, uint64_t *offset);

// The linear address of the top of the stack.
HRESULT ringhold_get_stack_offset(const struct RingholdSession *session, uint64_t *offset);

// The linear address in RBP.
HRESULT ringhold_get_frame_offset(const struct RingholdSession *session, uint64_t *offset);

// Makes a machine from a config in RON, with a kernel image from memory unless it is null, and
// attaches to it; it has executed nothing. `error`, unless null, gets the reason of a failure.
// `*session` must be given to `ringhold_destroy` in the end.
HRESULT ringhold_create(const char *config,
                        const void *kernel,
                        uint64_t kernel_size,
                        struct RingholdSession **session,
                        char *error,
                        uint64_t error_size);

// Ends a session and its machine; nothing for null.
// No other function may run on it then, and none be called afterwards.
void ringhold_destroy(struct RingholdSession *session);

// Runs so many instructions, unless something stops the machine before. `why`: 0 the count was
// reached, 1 the guest wrote `value` to its exit device, 2 power off, 3 reset, 4 triple fault, 5
// halted for good, 6 livelock, 7 breakpoint, 8 watched access, 9 interrupted.
HRESULT ringhold_run(const struct RingholdSession *session,
                     uint64_t instructions,
                     uint32_t *why,
                     uint32_t *value);

// How far the machine has come.
HRESULT ringhold_get_clock(const struct RingholdSession *session,
                           uint64_t *instructions,
                           uint64_t *nanoseconds);

// The digest of everything that the machine's future depends on: 16 bytes.
HRESULT ringhold_get_state_hash(const struct RingholdSession *session, void *hash);

// Takes what a device has sent, as far as there is room; E_NOINTERFACE if there is none of this
// name. What did not fit is there at the next call.
HRESULT ringhold_take_output(const struct RingholdSession *session,
                             const char *device,
                             void *buffer,
                             uint32_t size,
                             uint32_t *count);

// Hands bytes to a device, as from its other end; E_NOINTERFACE if there is none of this name.
HRESULT ringhold_input(const struct RingholdSession *session,
                       const char *device,
                       const void *bytes,
                       uint32_t size);

// Takes the numbers of the data spaces that were written since the last call, one for each
// successful write, as far as there is room (`DEBUG_DATA_SPACE_*`).
HRESULT ringhold_take_changes(const struct RingholdSession *session,
                              uint32_t *spaces,
                              uint32_t size,
                              uint32_t *count);

// Answers E_NOTIMPL.
HRESULT ringhold_check_low_memory(const struct RingholdSession *session);

// Reads what the engine knows of the target; 100080 is the number of paging levels.
HRESULT ringhold_read_debugger_data(const struct RingholdSession *session,
                                    uint32_t index,
                                    void *buffer,
                                    uint32_t size,
                                    uint32_t *read);

// Reads what a processor is; index 4 is its identification.
HRESULT ringhold_read_processor_system_data(const struct RingholdSession *session,
                                            uint32_t processor,
                                            uint32_t index,
                                            void *buffer,
                                            uint32_t size,
                                            uint32_t *read);

// Translates an address; 0xD0000147 if no page stands behind it.
HRESULT ringhold_virtual_to_physical(const struct RingholdSession *session,
                                     uint64_t virtual_address,
                                     uint64_t *physical);

// The physical addresses that a translation visits; the last is its result.
HRESULT ringhold_get_virtual_translation_physical_offsets(const struct RingholdSession *session,
                                                          uint64_t virtual_address,
                                                          uint64_t *offsets,
                                                          uint32_t size,
                                                          uint32_t *levels);

// Answers E_UNEXPECTED: handles are those of user-mode sessions.
HRESULT ringhold_read_handle_data(const struct RingholdSession *session,
                                  uint64_t handle,
                                  uint32_t data_type,
                                  void *buffer,
                                  uint32_t size,
                                  uint32_t *read);

// The pages around an address that share its attributes: MEMORY_BASIC_INFORMATION64, 48 bytes.
HRESULT ringhold_query_virtual(const struct RingholdSession *session,
                               uint64_t offset,
                               void *information);

// The headers of a PE image: IMAGE_NT_HEADERS64, 264 bytes.
HRESULT ringhold_read_image_nt_headers(const struct RingholdSession *session,
                                       uint64_t image_base,
                                       void *headers);

// Reads a blob about the target.
HRESULT ringhold_read_tagged(const struct RingholdSession *session,
                             const struct RingholdGuid *tag,
                             uint32_t offset,
                             void *buffer,
                             uint32_t size,
                             uint32_t *total);

// Begins an enumeration of the tags of blobs.
HRESULT ringhold_start_enum_tagged(const struct RingholdSession *session, uint64_t *handle);

// The next tag; S_FALSE at the end.
HRESULT ringhold_get_next_tagged(const struct RingholdSession *session,
                                 uint64_t handle,
                                 struct RingholdGuid *tag,
                                 uint32_t *size);

// Ends an enumeration.
HRESULT ringhold_end_enum_tagged(const struct RingholdSession *session, uint64_t handle);

// Where the bytes at a virtual address come from: space 0, question 1, a uint32_t.
HRESULT ringhold_get_offset_information(const struct RingholdSession *session,
                                        uint32_t space,
                                        uint32_t which,
                                        uint64_t offset,
                                        void *buffer,
                                        uint32_t size,
                                        uint32_t *read);

// The next address that is valid if this one is not, or the reverse.
HRESULT ringhold_get_next_differently_valid_offset_virtual(const struct RingholdSession *session,
                                                           uint64_t offset,
                                                           uint64_t *next);

// The first valid run of addresses in a range.
HRESULT ringhold_get_valid_region_virtual(const struct RingholdSession *session,
                                          uint64_t base,
                                          uint32_t size,
                                          uint64_t *valid_base,
                                          uint32_t *valid_size);

// Reads a string of bytes. Sizes are in bytes.
HRESULT ringhold_read_multi_byte_string_virtual(const struct RingholdSession *session,
                                                uint64_t offset,
                                                uint32_t max_bytes,
                                                void *buffer,
                                                uint32_t size,
                                                uint32_t *bytes);

// Reads a string of bytes into UTF-16. The size of the buffer is in units of 2 bytes.
HRESULT ringhold_read_multi_byte_string_virtual_wide(const struct RingholdSession *session,
                                                     uint64_t offset,
                                                     uint32_t max_bytes,
                                                     uint32_t code_page,
                                                     void *buffer,
                                                     uint32_t size,
                                                     uint32_t *bytes);

// Reads a string of UTF-16 into a code page. Sizes are in bytes.
HRESULT ringhold_read_unicode_string_virtual(const struct RingholdSession *session,
                                             uint64_t offset,
                                             uint32_t max_bytes,
                                             uint32_t code_page,
                                             void *buffer,
                                             uint32_t size,
                                             uint32_t *bytes);

// Reads a string of UTF-16. The size of the buffer is in units of 2 bytes.
HRESULT ringhold_read_unicode_string_virtual_wide(const struct RingholdSession *session,
                                                  uint64_t offset,
                                                  uint32_t max_bytes,
                                                  void *buffer,
                                                  uint32_t size,
                                                  uint32_t *bytes);

// The symbol options. All are 0 in the beginning.
HRESULT ringhold_get_symbol_options(const struct RingholdSession *session, uint32_t *options);

// Sets symbol options: 1 (SYMOPT_CASE_INSENSITIVE) has an effect.
HRESULT ringhold_add_symbol_options(const struct RingholdSession *session, uint32_t options);

// Clears symbol options.
HRESULT ringhold_remove_symbol_options(const struct RingholdSession *session, uint32_t options);

// Replaces all symbol options.
HRESULT ringhold_set_symbol_options(const struct RingholdSession *session, uint32_t options);

// The symbol that an address belongs to, as `module!name`, and how far behind it the address lies. S_FALSE if
// the name was cut short, E_FAIL if there is none.
HRESULT ringhold_get_name_by_offset(const struct RingholdSession *session,
                                    uint64_t offset,
                                    char *buffer,
                                    uint32_t size,
                                    uint32_t *used,
                                    uint64_t *displacement);

// The address of `module!name` or `name`. S_FALSE if there are several, E_FAIL if there is none.
HRESULT ringhold_get_offset_by_name(const struct RingholdSession *session,
                                    const char *symbol,
                                    uint64_t *offset);

// The symbol so many symbols behind the one that an address belongs to; negative ones lie before. E_NOINTERFACE
// if there is none.
HRESULT ringhold_get_near_name_by_offset(const struct RingholdSession *session,
                                         uint64_t offset,
                                         int32_t delta,
                                         char *buffer,
                                         uint32_t size,
                                         uint32_t *used,
                                         uint64_t *displacement);

// How many modules there are. None is ever unloaded.
HRESULT ringhold_get_number_modules(const struct RingholdSession *session,
                                    uint32_t *loaded,
                                    uint32_t *unloaded);

// The base of a module.
HRESULT ringhold_get_module_by_index(const struct RingholdSession *session,
                                     uint32_t index,
                                     uint64_t *base);

// The first module of a name, from an index on. E_NOINTERFACE if there is none.
HRESULT ringhold_get_module_by_module_name(const struct RingholdSession *session,
                                           const char *name,
                                           uint32_t start_index,
                                           uint32_t *index,
                                           uint64_t *base);

// The first module that an address belongs to, from an index on. E_NOINTERFACE if there is none.
HRESULT ringhold_get_module_by_offset(const struct RingholdSession *session,
                                      uint64_t offset,
                                      uint32_t start_index,
                                      uint32_t *index,
                                      uint64_t *base);

// The names of a module: its image, itself, its loaded image. With index 0xffffffff it is the one with the base.
HRESULT ringhold_get_module_names(const struct RingholdSession *session,
                                  uint32_t index,
                                  uint64_t base,
                                  char *image,
                                  uint32_t image_size,
                                  uint32_t *image_used,
                                  char *module,
                                  uint32_t module_size,
                                  uint32_t *module_used,
                                  char *loaded_image,
                                  uint32_t loaded_image_size,
                                  uint32_t *loaded_image_used);

// DEBUG_MODULE_PARAMETERS of 64 bytes each: of the modules with these bases, or without bases of `count` from
// an index on. A base that is none comes back as all ones.
HRESULT ringhold_get_module_parameters(const struct RingholdSession *session,
                                       uint32_t count,
                                       const uint64_t *bases,
                                       uint32_t start,
                                       void *parameters);

// A name of a module: 0 its image, 1 itself, 2 its loaded image, 3 the file of its symbols, 4 its mapped image.
HRESULT ringhold_get_module_name_string(const struct RingholdSession *session,
                                        uint32_t which,
                                        uint32_t index,
                                        uint64_t base,
                                        char *buffer,
                                        uint32_t size,
                                        uint32_t *used);

// Begins a search for the symbols that a pattern fits, such as `kernel!*init*`.
HRESULT ringhold_start_symbol_match(const struct RingholdSession *session,
                                    const char *pattern,
                                    uint64_t *handle);

// The next symbol of a search; without a buffer it comes again. E_NOINTERFACE if there is no other.
HRESULT ringhold_get_next_symbol_match(const struct RingholdSession *session,
                                       uint64_t handle,
                                       char *buffer,
                                       uint32_t size,
                                       uint32_t *used,
                                       uint64_t *offset);

// Ends a search.
HRESULT ringhold_end_symbol_match(const struct RingholdSession *session, uint64_t handle);

// Adds a module of your own, where there is none. Flags are 0.
HRESULT ringhold_add_synthetic_module(const struct RingholdSession *session,
                                      uint64_t base,
                                      uint32_t size,
                                      const char *image_path,
                                      const char *module_name,
                                      uint32_t flags);

// Removes such a module and its symbols.
HRESULT ringhold_remove_synthetic_module(const struct RingholdSession *session, uint64_t base);

// Adds a symbol of your own to the module that the address belongs to. `id`, unless null, gets 16 bytes: the
// module's base and the symbol's number.
HRESULT ringhold_add_synthetic_symbol(const struct RingholdSession *session,
                                      uint64_t offset,
                                      uint32_t size,
                                      const char *name,
                                      uint32_t flags,
                                      void *id);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGHOLD_H */
