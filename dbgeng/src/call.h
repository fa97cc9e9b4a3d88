// One call over the wire. A method says its parameters in order and makes the call:
//
//     return Call(self, 4).u64(offset).data(buffer, size).out(written).make();
//
// In-parameters are written at once, out-parameters are remembered and filled from the reply. A
// null out-pointer drops its value, unless the method insists on it (`must`): then the result is
// E_INVALIDARG and nothing is sent. What any other null means is decided by the server.
#pragma once
#include "object.h"

class Call {
  public:
    Call(Face *self, unsigned slot);

    // In-parameters.
    Call &u32(ULONG value);
    Call &u64(ULONG64 value);
    Call &flag(bool value);
    // An in-pointer with the count of what it leads to.
    Call &data(const void *bytes, ULONG64 count) { return elements(bytes, count, 1); }
    Call &pointers(const ULONG64 *pointers, ULONG64 count) { return elements(pointers, count, sizeof *pointers); }
    // The same with elements of so many bytes.
    Call &elements(const void *elements, ULONG64 count, size_t size);
    // Text up to its zero; null is a mistake.
    Call &text(const char *text);
    Call &text(const wchar_t *text);
    // So many bytes as they lie in memory, without a count; null is a mistake.
    Call &raw(const void *bytes, size_t count);

    // Out-parameters that have their size among the in-parameters: a buffer of bytes, of wide
    // characters, of 64-bit numbers.
    Call &room(void *buffer, ULONG64 count) { return promise(buffer, count).output(Output::Buffer, buffer, count); }
    Call &wide_room(wchar_t *buffer, ULONG64 count) {
        return promise(buffer, count).output(Output::WideBuffer, buffer, count);
    }
    Call &pointer_room(ULONG64 *buffer, ULONG64 count) {
        return promise(buffer, count).output(Output::Pointers, buffer, count);
    }
    // Only the size of a buffer whose content comes later.
    Call &promise(const void *buffer, ULONG64 count);
    // Out-parameters of known size.
    Call &out(ULONG *value) { return output(Output::U32, value, 1); }
    Call &out(ULONG64 *value) { return output(Output::U64, value, 1); }
    Call &must(ULONG *value) { return insist(value).out(value); }
    Call &must(ULONG64 *value) { return insist(value).out(value); }
    // A structure, which comes as a buffer of its size.
    Call &must_bytes(void *structure, size_t size) { return insist(structure).output(Output::Buffer, structure, size); }
    Call &must_guid(GUID *guid) { return insist(guid).output(Output::Guid, guid, 1); }

    // An array whose length is among the in-parameters, or null.
    Call &array(void *elements, ULONG64 count, size_t size) { return output(Output::Buffer, elements, count * size); }

    // Text that comes with the reply is for this client alone.
    Call &only_here();

    HRESULT make();
    // How the callbacks want the target to go on after this call; zero if they do not.
    ULONG resumed() const { return resumed_; }

  private:
    enum class Output { U32, U64, Buffer, WideBuffer, Pointers, Guid };
    struct Expected {
        Output kind;
        void *to;
        ULONG64 room;
    };
    static constexpr int MOST_OUTPUTS = 10;

    Call &insist(const void *pointer);
    Call &output(Output kind, void *to, ULONG64 room);
    void fill(Reader &reply, const Expected &expected);
    void fill_array(Reader &reply, const Expected &expected, size_t stored, size_t sent);

    // More bytes than these do not fit a request.
    static constexpr ULONG64 MAX_TRANSFER = 64 << 20;

    Client *client_;
    Bytes request_;
    Expected expected_[MOST_OUTPUTS];
    int expected_count_ = 0;
    // What is wrong with the parameters, before anything is sent.
    HRESULT wrong_ = S_OK;
    bool only_here_ = false;
    ULONG resumed_ = 0;
};
