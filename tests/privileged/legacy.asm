; Privileged state in 32-bit protected mode and virtual-8086 mode.

%include "boot.inc"
%include "frame.inc"
%include "legacy-cases.inc"
ENDCASES
