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

// SPLIT loads 32 bytes and splits them into their lower and higher halves: Y1 and Y2.
#define SPLIT(place) \
	VMOVDQU place(SI)(DX*1), Y0; \
	VPAND Y15, Y0, Y1; \
	VPSRLW $4, Y0, Y2; \
	VPAND Y15, Y2, Y2

// CLASSES looks up two groups of eight classes: both halves have to have one.
#define CLASSES(table, low, high) \
	VBROADCASTI128 table(R10), Y3; \
	VPSHUFB Y1, Y3, Y3; \
	VBROADCASTI128 table+16(R10), low; \
	VPSHUFB Y2, low, low; \
	VPAND Y3, low, low; \
	VBROADCASTI128 table+32(R10), Y3; \
	VPSHUFB Y1, Y3, Y3; \
	VBROADCASTI128 table+48(R10), high; \
	VPSHUFB Y2, high, high; \
	VPAND Y3, high, high

// HALF leaves in hits, word and dense a bit for each of 32 bytes that has no class, is not in the alphabet, is not dense. Looked up by the
// whole byte, one beyond ASCII gives zero.
#define HALF(place, hits, word, dense) \
	SPLIT(place); \
	CLASSES(0, Y4, Y5); \
	VBROADCASTI128 192(R10), Y3; \
	VPSHUFB Y0, Y3, Y3; \
	VBROADCASTI128 208(R10), Y6; \
	VPSHUFB Y2, Y6, Y6; \
	VPAND Y3, Y6, Y6; \
	VPCMPEQB Y14, Y6, Y7; \
	VPMOVMSKB Y7, word; \
	VPAND Y15, Y6, Y6; \
	VPCMPEQB Y14, Y6, Y6; \
	VPMOVMSKB Y6, dense; \
	SPLIT(place+1); \
	CLASSES(64, Y8, Y9); \
	VPAND Y8, Y4, Y4; \
	VPAND Y9, Y5, Y5; \
	SPLIT(place+2); \
	CLASSES(128, Y8, Y9); \
	VPAND Y8, Y4, Y4; \
	VPAND Y9, Y5, Y5; \
	VPOR Y5, Y4, Y4; \
	VPCMPEQB Y14, Y4, Y4; \
	VPMOVMSKB Y4, hits

// func look256(p *byte, blocks int, tables *[14][16]byte, trail, dense int, list *found, room int) (listed, upto int)
//
// Y14 is zero; Y15 is 15 in each byte. DX: the offset of the block.
TEXT ·look256(SB), NOSPLIT, $16-72
	MOVQ p+0(FP), SI
	MOVQ trail+24(FP), R13
	MOVQ dense+32(FP), R12
	MOVQ list+40(FP), DI
	MOVQ room+48(FP), AX
	LEAQ (AX)(AX*2), AX
	LEAQ (DI)(AX*8), AX
	MOVQ AX, 8(SP) // where list ends
	MOVQ blocks+8(FP), AX
	SHLQ $6, AX
	MOVQ AX, 0(SP)
	MOVL $4, R14
	MOVL $8, R15
	VPXOR Y14, Y14, Y14
	MOVL $0x0f0f0f0f, AX
	VMOVD AX, X15
	VPBROADCASTD X15, Y15
	XORL DX, DX
	JMP  next

loop:
	MOVQ tables+16(FP), R10
	HALF(0, R8, R9, R11)
	HALF(32, AX, BX, CX)
	SHLQ $32, AX
	SHLQ $32, BX
	SHLQ $32, CX
	ORQ  AX, R8
	ORQ  BX, R9
	ORQ  CX, R11
	NOTQ R8
	NOTQ R9
	NOTQ R11
	RUNS
	LIST
	ADDQ $64, DX
	CMPQ DI, 8(SP)
	JEQ  done

next:
	CMPQ DX, 0(SP)
	JLT  loop

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
