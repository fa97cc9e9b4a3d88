#!/usr/bin/env python3
"""Ringhold beside packaged emulators, on the same guests, in one run.

    cargo build --release
    benches/peers.py [--guests guests] [--runs 3] [--only boot,linux,bare] [--with NAMES]

Figures are CPU seconds of the emulator's process (all threads), read when the guest's
BENCH-BEGIN and BENCH-END lines arrive on its serial line; a guest's own clock may be virtual.
The runs of all emulators alternate, and the medians are printed as Markdown tables. Whatever
else runs on the host disturbs CPU seconds less than wall time, but it does: caches are shared.

Emulators: ringhold; qemu, QEMU's TCG on one thread; icount, the same in its deterministic mode;
bochs, booted by GRUB from an ISO; native, the same static programs on the host. Those that are
not installed are left out.

Packages: qemu-system-x86; bochs bochs-term grub-pc-bin grub-common xorriso mtools.
"""

import argparse
import os
import pty
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MEMORY = 512
# Bochs sends characters at the speed of the line.
CMDLINE = "console=ttyS0,115200 reboot=t panic=-1"
LINUX = ["sieve", "sha256", "bytecode", "memcpy", "repmovs", "stream", "chase-l1", "chase-far",
         "nbody", "matmul", "x87", "getppid", "pagefault", "forkexec", "pipeswitch"]


def cpu_seconds(pid):
    """CPU time of a process with all its threads (clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


class Run:
    """One run of one emulator, up to GUEST-DONE."""

    limit = 600

    def __init__(self, command, serial=None):
        self.figures, self.counts, self.checks = {}, {}, {}
        self.process = None
        if serial:
            os.mkfifo(serial)
        # A display on text wants a terminal; it gets one that nobody reads.
        screen = pty.openpty() if serial else None
        try:
            self.process = subprocess.Popen(
                command,
                stdin=screen[1] if serial else subprocess.DEVNULL,
                stdout=screen[1] if serial else subprocess.PIPE,
                stderr=subprocess.DEVNULL if not serial else screen[1],
                start_new_session=True,
            )
            if serial:
                pump = os.fork()
                if pump == 0:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    os.close(screen[1])
                    try:
                        while os.read(screen[0], 65536):
                            pass
                    finally:
                        os._exit(0)
                os.close(screen[1])
            # Open for both, so that neither side waits for the other.
            lines = os.open(serial, os.O_RDWR) if serial else self.process.stdout.fileno()
            self.read(lines)
        finally:
            if self.process and self.process.poll() is None:
                try:
                    self.process.send_signal(signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if self.process:
                self.process.wait()
            if serial:
                os.unlink(serial)
                os.close(screen[0])
                os.waitpid(pump, 0)

    def read(self, source):
        """Stamps each line when it arrives."""
        rest, begun = b"", None
        deadline = time.monotonic() + self.limit
        while time.monotonic() < deadline:
            if not select.select([source], [], [], 1)[0]:
                if self.process.poll() is not None:
                    return
                continue
            data = os.read(source, 65536)
            if not data:
                return
            try:
                now = cpu_seconds(self.process.pid)
            except OSError:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                words = line.decode(errors="replace").strip().split()
                if not words:
                    continue
                if words[0] == "GUEST-READY":
                    self.figures["boot"] = now
                elif words[0] == "BENCH-BEGIN":
                    begun = now
                elif words[0] == "BENCH-END" and begun is not None:
                    self.figures[words[1]] = now - begun
                    if len(words) > 2:
                        self.counts[words[1]] = int(words[2])
                elif words[0] == "CHECK" and len(words) > 2:
                    self.checks[words[1]] = words[2]
                elif words[0] == "GUEST-DONE":
                    return


class Peers:
    """How each emulator is told what to run; each method gives a Run."""

    def __init__(self, guests, work):
        self.linux, self.bare = os.path.join(guests, "linux"), os.path.join(guests, "bare")
        self.work = work

    def kernel(self, run):
        return (os.path.join(self.linux, "vmlinuz-cloud"),
                os.path.join(self.linux, "initramfs.cpio"), f"{CMDLINE} run={run}")

    # Ringhold

    def ringhold(self, what):
        program = os.path.join(ROOT, "target/release/ringhold")
        if what == "bare":
            return Run([program, "run", os.path.join(ROOT, "configs/bare.ron"),
                        "--kernel", os.path.join(self.bare, "bare.elf")])
        kernel, initrd, cmdline = self.kernel(what)
        return Run([program, "run", os.path.join(ROOT, "configs/linux.ron"), "--memory",
                    f"{MEMORY}MiB", "--kernel", kernel, "--initrd", initrd, "--cmdline", cmdline])

    # QEMU

    def qemu(self, what, extra=()):
        common = ["qemu-system-x86_64", "-machine", "pc", "-accel", "tcg,thread=single",
                  "-m", str(MEMORY), "-smp", "1", "-nodefaults", "-display", "none", "-no-reboot",
                  "-serial", "stdio", "-monitor", "none",
                  "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *extra]
        if what == "bare":
            return Run([*common, "-kernel", os.path.join(self.bare, "bare.elf")])
        kernel, initrd, cmdline = self.kernel(what)
        return Run([*common, "-kernel", kernel, "-initrd", initrd, "-append", cmdline])

    def icount(self, what):
        return self.qemu(what, ("-icount", "shift=0,sleep=off"))

    # Bochs

    def bochs(self, what):
        iso = os.path.join(self.work, f"{what}.iso")
        if not os.path.exists(iso):
            self.make_iso(what, iso)
        serial = os.path.join(self.work, "serial")
        config = os.path.join(self.work, "bochsrc")
        share = "/usr/share/bochs"
        with open(config, "w") as file:
            file.write(f"""config_interface: textconfig
display_library: term
megs: {MEMORY}
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file={share}/VGABIOS-lgpl-latest
cpu: count=1, ips=50000000
clock: sync=none
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={serial}
port_e9_hack: enabled=0
log: {self.work}/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
""")
        # A Bochs with its debugger built in waits for a command.
        with open(os.path.join(self.work, "go"), "w") as file:
            file.write("continue\n")
        return Run(["bochs-bin", "-q", "-f", config, "-rc", os.path.join(self.work, "go")], serial)

    def make_iso(self, what, iso):
        tree = os.path.join(self.work, f"{what}-tree")
        os.makedirs(os.path.join(tree, "boot/grub"), exist_ok=True)
        if what == "bare":
            shutil.copy(os.path.join(self.bare, "bare.elf"), os.path.join(tree, "boot/bare.elf"))
            entry = "multiboot /boot/bare.elf\n"
        else:
            kernel, initrd, cmdline = self.kernel(what)
            shutil.copy(kernel, os.path.join(tree, "boot/vmlinuz"))
            shutil.copy(initrd, os.path.join(tree, "boot/initrd"))
            entry = f"linux /boot/vmlinuz {cmdline}\ninitrd /boot/initrd\n"
        with open(os.path.join(tree, "boot/grub/grub.cfg"), "w") as file:
            # The bare guest trusts in a line of eight bits.
            file.write("serial --unit=0 --speed=115200 --word=8\nterminal_output serial\n" + entry + "boot\n")
        subprocess.run(["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "-o", iso, tree],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # The host itself

    def native(self, what):
        if what == "bare":
            return Run([os.path.join(self.bare, "bare-linux")])
        run = Run.__new__(Run)
        run.figures, run.counts, run.checks = {}, {}, {}
        for program in ["sieve", "sha256", "bytecode", "memory", "float", "kernel"]:
            one = Run([os.path.join(self.linux, "bench", program)])
            run.figures.update(one.figures)
            run.checks.update(one.checks)
        return run


def median(values):
    return statistics.median(values) if values else None


def short(figure):
    """At least two digits that count, and no exponent."""
    return f"{figure:.2f}" if figure < 10 else f"{figure:.1f}" if figure < 100 else f"{figure:.0f}"


def mips_of(count, seconds):
    return count / seconds / 1e6 if seconds else None


def table(title, rows, names, value, better):
    print(f"\n{title}\n")
    print("| | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for row in rows:
        cells = []
        base = value("ringhold", row)
        for name in names:
            figure = value(name, row)
            if figure is None:
                cells.append("–")
                continue
            text = short(figure)
            if name != "ringhold" and base:
                text += f" (×{short(better(figure, base))})"
            cells.append(text)
        print(f"| {row} | " + " | ".join(cells) + " |")
    sys.stdout.flush()


def main():
    # Emulators are ended with the script.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--guests", default=os.environ.get("RINGHOLD_GUESTS", os.path.join(ROOT, "guests")))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="boot,linux,bare")
    parser.add_argument("--patient", action="store_true", help="all Linux benchmarks on bochs too, not its boot alone")
    parser.add_argument("--limit", type=int, default=600, help="wall seconds for one run")
    parser.add_argument("--with", dest="names", default="ringhold,qemu,icount,bochs,native")
    arguments = parser.parse_args()
    Run.limit = arguments.limit
    needs = {"qemu": "qemu-system-x86_64", "icount": "qemu-system-x86_64", "bochs": "bochs-bin"}
    names = [n for n in arguments.names.split(",") if n not in needs or shutil.which(needs[n])]
    # A run of the Linux benchmarks boots first: that gives the boot's figure too.
    only = arguments.only.split(",")
    jobs = [job for job, wanted in [("bench", "linux" in only), ("boot", "boot" in only and "linux" not in only),
                                    ("bare", "bare" in only)] if wanted]
    figures, counts, checks = {}, {}, {}
    with tempfile.TemporaryDirectory(prefix="peers.") as work:
        peers = Peers(arguments.guests, work)
        for turn in range(arguments.runs):
            for job in jobs:
                for name in names:
                    if job == "boot" and name == "native":
                        continue
                    begun = time.monotonic()
                    slow = name == "bochs" and job == "bench" and not arguments.patient
                    run = getattr(peers, name)("boot" if slow else job)
                    print(f"run {turn + 1} {job} {name}: {time.monotonic() - begun:.0f} s, "
                          f"{len(run.figures)} figures, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
                    for key, figure in run.figures.items():
                        figures.setdefault((name, job == "bare", key), []).append(figure)
                    counts.update(run.counts)
                    for key, check in run.checks.items():
                        if checks.setdefault((job, key), check) != check:
                            print(f"CHECK {key} differs on {name}: {check}", file=sys.stderr)
    seconds = lambda name, row: median(figures.get((name, False, row)))
    mips = lambda name, row: mips_of(counts[row], median(figures.get((name, True, row))))
    host = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    print(f"\nHost: {host.group(1) if host else '?'}, {os.cpu_count()} cores; {time.strftime('%Y-%m-%d')}; "
          f"medians of {arguments.runs}.")
    if "boot" in only or "linux" in only:
        rows = ["boot"] + (LINUX if "linux" in only else [])
        table("CPU seconds; in parentheses how many times faster Ringhold is.", rows, names,
              seconds, lambda figure, base: figure / base)
    if "bare" in only:
        table("Million guest instructions per CPU second; in parentheses how many times faster Ringhold is.",
              list(counts), names, mips, lambda figure, base: base / figure)


if __name__ == "__main__":
    main()
