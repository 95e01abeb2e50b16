#include "textflag.h"

// func look512(p *byte, n int, tables *[6][128]byte, trail, dense uint64, list *found, room int) (listed, blocks int)
//
// Z0-Z5: the low eight classes at the three places; Z6-Z11: the high eight. Z30, Z31: the class bits inBase64 and isDense.
// R12: dense bytes of the block before; R13: length of the run that ends it. 0(SP): the next place in list.
TEXT ·look512(SB), NOSPLIT, $8-72
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), DX
	MOVQ tables+16(FP), DI
	MOVQ trail+24(FP), R13
	MOVQ dense+32(FP), R12
	MOVQ list+40(FP), AX
	MOVQ AX, 0(SP)
	VMOVDQU64 0(DI), Z0
	VMOVDQU64 64(DI), Z1
	VMOVDQU64 128(DI), Z2
	VMOVDQU64 192(DI), Z3
	VMOVDQU64 256(DI), Z4
	VMOVDQU64 320(DI), Z5
	VMOVDQU64 384(DI), Z6
	VMOVDQU64 448(DI), Z7
	VMOVDQU64 512(DI), Z8
	VMOVDQU64 576(DI), Z9
	VMOVDQU64 640(DI), Z10
	VMOVDQU64 704(DI), Z11
	MOVL $0x80, AX
	VPBROADCASTB AX, Z31
	VMOVDQA64 Z31, Z30
	XORQ DI, DI

loop:
	CMPQ DI, DX
	JGE  none
	VMOVDQU64 (SI), Z12
	VMOVDQU64 1(SI), Z14
	VMOVDQU64 2(SI), Z16
	PREFETCHT0 1024(SI)
	VPMOVB2M Z12, K4
	VMOVDQA64 Z12, Z13
	VMOVDQA64 Z14, Z15
	VMOVDQA64 Z16, Z17
	VPERMI2B Z1, Z0, Z12
	VPERMI2B Z7, Z6, Z13
	VPERMI2B Z3, Z2, Z14
	VPERMI2B Z9, Z8, Z15
	VPERMI2B Z5, Z4, Z16
	VPERMI2B Z11, Z10, Z17
	VPTESTMB Z30, Z12, K1
	VPTESTMB Z31, Z13, K2
	VPTERNLOGD $0x80, Z12, Z14, Z16
	VPTERNLOGD $0x80, Z13, Z15, Z17
	VPORQ Z16, Z17, Z16
	VPTESTMB Z16, Z16, K3
	KMOVQ K1, R9
	KMOVQ K4, R10
	KMOVQ K2, R11
	KMOVQ K3, R8
	ANDNQ R9, R10, R9  // in the alphabet, and ASCII
	ANDQ R9, R11

	// Bit i of BX: twenty bytes from i on are in the alphabet.
	MOVQ R9, AX
	SHRQ $1, AX
	ANDQ R9, AX
	MOVQ AX, BX
	SHRQ $2, BX
	ANDQ AX, BX
	MOVQ BX, AX
	SHRQ $4, AX
	ANDQ BX, AX
	MOVQ AX, BX
	SHRQ $8, BX
	ANDQ AX, BX
	MOVQ BX, AX
	SHRQ $4, AX
	ANDQ AX, BX

	MOVQ R9, R10
	NOTQ R10
	TZCNTQ R10, CX     // the run that begins the block
	LZCNTQ R10, R10    // the run that ends it
	LEAQ (CX)(R13*1), AX
	XORQ R15, R15
	CMPQ AX, $20
	JGE  run
	TESTQ BX, BX
	JNE  run

done:
	MOVQ R10, R13
	MOVQ R11, R12
	MOVQ R8, AX
	ORQ  R15, AX
	JNE  seen

further:
	ADDQ $64, SI
	INCQ DI
	JMP  loop

run:
	// The run across the block's beginning: its dense bytes on both sides.
	TESTQ CX, CX
	JEQ  inside
	CMPQ AX, $20
	JLT  inside
	MOVQ $-1, AX
	BZHIQ CX, AX, AX   // the first CX bits
	MOVQ AX, R14       // its bytes in this block
	ANDQ R11, AX
	POPCNTQ AX, AX
	MOVQ $64, CX
	SUBQ R13, CX       // dense bytes of the run before: the highest R13 bits
	CMPQ CX, $64
	JEQ  lead
	SHRXQ CX, R12, CX
	POPCNTQ CX, CX
	ADDQ CX, AX

lead:
	CMPQ AX, $4
	JLT  inside
	MOVQ R14, R15

inside:
	TESTQ BX, BX
	JEQ  done
	MOVQ BX, AX
	SHLQ $1, AX
	ORQ  AX, BX
	MOVQ BX, AX
	SHLQ $2, AX
	ORQ  AX, BX
	MOVQ BX, AX
	SHLQ $4, AX
	ORQ  AX, BX
	MOVQ BX, AX
	SHLQ $8, AX
	ORQ  AX, BX
	MOVQ BX, AX
	SHLQ $4, AX
	ORQ  AX, BX
	MOVQ BX, AX
	ANDQ R11, AX
	POPCNTQ AX, AX
	CMPQ AX, $4
	JLT  done
	ORQ  BX, R15
	JMP  done

seen:
	MOVQ 0(SP), AX
	MOVQ DI, 0(AX)
	MOVQ R8, 8(AX)
	MOVQ R15, 16(AX)
	ADDQ $24, AX
	MOVQ AX, 0(SP)
	DECQ room+48(FP)
	JNE  further
	INCQ DI
	JMP  end

none:
	MOVQ DX, DI

end:
	MOVQ 0(SP), AX
	SUBQ list+40(FP), AX
	XORQ DX, DX
	MOVQ $24, CX
	DIVQ CX
	MOVQ AX, listed+56(FP)
	MOVQ DI, blocks+64(FP)
	VZEROUPPER
	RET
