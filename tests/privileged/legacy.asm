; Privileged state in 32-bit protected mode and virtual-8086 mode.

%include "boot.inc"
%include "frame.inc"
%include "legacy-cases.inc"
%include "legacy-privilege.inc"
%include "legacy-segments.inc"
%include "legacy-paging.inc"
%include "legacy-v86.inc"
%include "legacy-events.inc"
ENDCASES
