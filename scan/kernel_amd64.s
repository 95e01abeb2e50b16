#include "textflag.h"

// What the two kernels share, a block of 64 bytes at a time:
//
// R9: bit i is set where byte i is in base64's alphabet; R11: where it is dense, too; R8: where something may begin.
// R13: length of the run that ends the block before (63 at the most); R12: how many dense bytes it has.
//
// RUNS leaves in BX the first byte of each run of twenty in which there may be four dense ones: inside the block, or across its
// beginning. LIST puts the block where DI points, and moves DI on if there was something. Neither has a branch: one that is taken
// now and then costs more than all of this. R14 is 4 and R15 is 8.
#define RUNS \
	LEAQ (R9)(R9*1), AX; \
	ANDQ R9, AX; \
	LEAQ (AX*4), BX; \
	ANDQ AX, BX; \
	SHLXQ R14, BX, AX; \
	ANDQ BX, AX; \
	SHLXQ R15, AX, BX; \
	ANDQ AX, BX; \
	SHLXQ R14, BX, AX; \
	ANDQ AX, BX; \
	SHRQ $19, BX; \
	LEAQ (BX)(BX*1), AX; \
	ANDNQ BX, AX, BX; \
	LEAQ (R9)(BX*1), AX; \
	ANDNQ R9, AX, AX; \
	ANDQ R11, AX; \
	POPCNTQ AX, AX; \
	SUBQ $4, AX; \
	SARQ $63, AX; \
	ANDNQ BX, AX, BX; \
	MOVQ R9, R10; \
	NOTQ R10; \
	TZCNTQ R10, CX; \
	LEAQ -20(CX)(R13*1), CX; \
	BLSMSKQ R10, R13; \
	ANDQ R11, R13; \
	POPCNTQ R13, R13; \
	LEAQ -4(R13)(R12*1), R13; \
	ORQ R13, CX; \
	SARQ $63, CX; \
	ANDNQ R9, CX, CX; \
	ANDQ $1, CX; \
	ORQ CX, BX; \
	ORQ $1, R10; \
	LZCNTQ R10, R13; \
	MOVQ R13, R12; \
	NOTQ R12; \
	SHRXQ R12, R11, R12; \
	SHRQ $1, R12; \
	POPCNTQ R12, R12

#define LIST \
	MOVQ DX, 0(DI); \
	MOVQ R8, 8(DI); \
	MOVQ BX, 16(DI); \
	ORQ R8, BX; \
	NEGQ BX; \
	SBBQ AX, AX; \
	ANDQ $24, AX; \
	ADDQ AX, DI

// func look512(p *byte, n int, tables *[6][128]byte, trail, dense int, list *found, room int) (listed, upto int)
//
// Z0-Z5: the low eight classes at the three places; Z6-Z11: the high eight. Z30, Z31: the class bits inBase64 and isDense.
// K5: the places whose three bytes are all there. DX: the offset of the block.
TEXT ·look512(SB), NOSPLIT, $16-72
	MOVQ p+0(FP), SI
	MOVQ tables+16(FP), DI
	MOVQ trail+24(FP), R13
	MOVQ dense+32(FP), R12
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
	MOVL $1, AX
	VPBROADCASTB AX, Z30
	KXNORQ K5, K5, K5
	MOVL $4, R14
	MOVL $8, R15
	MOVQ list+40(FP), DI
	MOVQ room+48(FP), AX
	LEAQ (AX)(AX*2), AX
	LEAQ (DI)(AX*8), AX
	MOVQ AX, 8(SP) // where list ends
	XORL DX, DX
	MOVQ n+8(FP), AX
	SUBQ $66, AX
	MOVQ AX, 0(SP) // the last offset from which 66 bytes may be read
	JMP  next

loop:
	VMOVDQU64 (SI)(DX*1), Z12
	VMOVDQU64 1(SI)(DX*1), Z14
	VMOVDQU64 2(SI)(DX*1), Z16
	PREFETCHT0 1024(SI)(DX*1)

block:
	VPTESTNMB Z31, Z12, K4 // ASCII
	VMOVDQA64 Z12, Z13
	VMOVDQA64 Z14, Z15
	VMOVDQA64 Z16, Z17
	VPERMI2B Z1, Z0, K4, Z12 // others stay
	VPERMI2B.Z Z7, Z6, K4, Z13
	VPERMI2B Z3, Z2, Z14
	VPERMI2B Z9, Z8, Z15
	VPERMI2B Z5, Z4, Z16
	VPERMI2B Z11, Z10, Z17
	VPTESTMB Z30, Z12, K4, K1
	VPTESTMB Z31, Z13, K1, K2
	VPTERNLOGD $0x80, Z12, Z14, Z16
	VPTERNLOGD $0x80, Z13, Z15, Z17
	VPORQ Z16, Z17, Z16
	VPTESTMB Z16, Z16, K5, K3
	KMOVQ K1, R9
	KMOVQ K2, R11
	KMOVQ K3, R8
	RUNS
	LIST
	ADDQ $64, DX
	CMPQ DI, 8(SP)
	JEQ  done

next:
	CMPQ DX, 0(SP)
	JLE  loop

	// The last bytes, and nothing beyond them: masked loads do not fault.
	MOVQ n+8(FP), CX
	SUBQ DX, CX
	JLE  done
	MOVQ $-1, AX
	BZHIQ CX, AX, BX
	DECQ CX
	BZHIQ CX, AX, CX
	KMOVQ BX, K1
	KMOVQ CX, K2
	SHRQ $1, CX
	KMOVQ CX, K5
	VMOVDQU8.Z (SI)(DX*1), K1, Z12
	VMOVDQU8.Z 1(SI)(DX*1), K2, Z14
	VMOVDQU8.Z 2(SI)(DX*1), K5, Z16
	JMP  block

done:
	MOVQ DX, upto+64(FP)
	MOVQ DI, AX
	SUBQ list+40(FP), AX
	XORL DX, DX
	MOVL $24, CX
	DIVQ CX
	MOVQ AX, listed+56(FP)
	VZEROUPPER
	RET
