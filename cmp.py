import re,sys
names="RAX RBX RCX RDX RSI RDI RBP RSP R8 R9 R10 R11 R12 R13 R14 R15".split()
def q():
    cur={}
    for line in open('/tmp/q.log'):
        for m in re.finditer(r'\b(R[A-Z0-9 ]{1,2}) *=([0-9a-f]{16})',line):
            cur[m.group(1).strip()]=int(m.group(2),16)
        if line.startswith('RIP='):
            yield dict(cur)
def o():
    regs={n:0 for n in names}
    for line in open('/tmp/t.txt'):
        m=re.match(r'\s*(\d+) ([0-9a-f]{4}):([0-9a-f]{16}) (\S+)\s+(.*)',line)
        if not m: continue
        rip=int(m.group(3),16)
        yield rip,dict(regs),line.rstrip(),int(m.group(1))
        for mm in re.finditer(r'\b(r[a-z0-9]{1,2})=([0-9a-f]+)',m.group(5)):
            n=mm.group(1).upper()
            if n in regs: regs[n]=int(mm.group(2),16)
qi=q(); oi=(x for x in o() if x[0]>=0xffffffff80100000)
prev=None; n=0; bad=0; ignore={}
for a in qi:
    try: rip,regs,line,c=next(oi)
    except StopIteration: print("end",n); break
    if a['RIP']!=rip:
        print("RIP differs at",n,hex(a['RIP']),hex(rip),line); print(prev); break
    d={k:(hex(a[k]),hex(regs[k])) for k in names if a[k]!=regs[k]}
    new={k:v for k,v in d.items() if ignore.get(k)!=v}
    if new and bad<25:
        print(n,"before",line,"differs",new,"| prev:",prev); bad+=1
    ignore=d
    prev=line; n+=1
