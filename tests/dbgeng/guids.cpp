// The one place of a program where the identifiers that the headers name are defined.
#include <initguid.h>

#include <ringhold_dbgeng.h>
