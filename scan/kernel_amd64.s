#include "textflag.h"

// Both kernels look up which groups of classes each byte has at three places, and add up, for every four bytes, how many are dense. A run of twenty
// bytes in which four are dense holds four such fours in a row that are all in the alphabet, and in these and the two around them there are at least four
// dense bytes. So a run is noticed at the four behind the last one of four whole ones. What comes to nothing here is not looked at again: for 256
// bytes, or 128, there is one branch.

// BLOCK leaves in hits what groups the three bytes at each place have in common, and in sums the sums of two neighbours: 32 for a byte in the
// alphabet, and 1 for a dense one. A byte beyond ASCII is looked up as itself as the first of three, and has no sum.
#define BLOCK(place, hits, sums) \
	VMOVDQU64 place(SI)(DX*1), hits; \
	VMOVDQU64 place+1(SI)(DX*1), Z24; \
	VMOVDQU64 place+2(SI)(DX*1), Z25; \
	VPTESTNMB Z8, hits, K1; \
	VMOVDQA64 hits, sums; \
	VPERMI2B Z1, Z0, K1, hits; \
	VPERMI2B.Z Z7, Z6, K1, sums; \
	VPERMI2B Z3, Z2, Z24; \
	VPERMI2B Z5, Z4, Z25; \
	VPTERNLOGD $0x80, Z24, Z25, hits; \
	VPMADDUBSW Z9, sums, sums

// LIST puts the block where DI points, and moves DI on if there was something, without a branch. From CX it takes the block's sixteen fours.
#define LIST(place, hits) \
	VPTESTMB hits, hits, K1; \
	KMOVQ K1, R8; \
	MOVWLZX CX, BX; \
	SHRQ $16, CX; \
	LEAQ place(DX), AX; \
	MOVQ AX, 0(DI); \
	MOVQ R8, 8(DI); \
	MOVQ BX, 16(DI); \
	LEAQ 24(DI), AX; \
	ORQ R8, BX; \
	CMOVQNE AX, DI

// func look512(p *byte, n int, t *wideTables, list *found, room int) (listed, upto int)
//
// Z0-Z5: the groups at the three places; Z6, Z7: what a byte counts for. Z11, Z12: of the stride before, how many are dense in each four, and in each
// two fours. R11, R12, R13: of the stride before, which fours are whole, which two, which four. DX: the offset of the stride.
TEXT ·look512(SB), NOSPLIT, $0-56
	MOVQ p+0(FP), SI
	MOVQ t+16(FP), AX
	VMOVDQU64 0(AX), Z0
	VMOVDQU64 64(AX), Z1
	VMOVDQU64 128(AX), Z2
	VMOVDQU64 192(AX), Z3
	VMOVDQU64 256(AX), Z4
	VMOVDQU64 320(AX), Z5
	VMOVDQU64 384(AX), Z6
	VMOVDQU64 448(AX), Z7
	VMOVDQU64 512(AX), Z10 // how the fours of four blocks come into their order
	MOVL $0x80, AX
	VPBROADCASTB AX, Z8
	MOVL $1, AX
	VPBROADCASTB AX, Z9
	MOVL $31, AX
	VPBROADCASTB AX, Z14
	MOVL $4, AX
	VPBROADCASTB AX, Z15
	VPXORQ Z11, Z11, Z11
	VPXORQ Z12, Z12, Z12
	XORL R11, R11
	XORL R12, R12
	XORL R13, R13
	MOVQ list+24(FP), DI
	MOVQ room+32(FP), AX
	LEAQ -12(AX)(AX*2), AX
	LEAQ (DI)(AX*8), R10 // from here on there is no room for four blocks
	XORL DX, DX

loop:
	BLOCK(0, Z16, Z20)
	BLOCK(64, Z17, Z21)
	BLOCK(128, Z18, Z22)
	BLOCK(192, Z19, Z23)
	PREFETCHT0 2048(SI)(DX*1)
	PREFETCHT0 2112(SI)(DX*1)
	PREFETCHT0 2176(SI)(DX*1)
	PREFETCHT0 2240(SI)(DX*1)

	// The sums of fours, 64 of them. Of whole ones the highest bit is set.
	VPACKUSWB Z21, Z20, Z20
	VPACKUSWB Z23, Z22, Z22
	VPMADDUBSW Z9, Z20, Z20
	VPMADDUBSW Z9, Z22, Z22
	VPACKUSWB Z22, Z20, Z20
	VPERMD Z20, Z10, Z20
	VPMOVB2M Z20, K2
	KMOVQ K2, R9

	// How many are dense in six: of two, and of these two more, and two more.
	VPANDQ Z14, Z20, Z20
	VALIGNQ $6, Z11, Z20, Z21
	VMOVDQA64 Z20, Z11
	VPALIGNR $15, Z21, Z20, Z21
	VPADDB Z21, Z20, Z20
	VALIGNQ $6, Z12, Z20, Z21
	VMOVDQA64 Z20, Z12
	VPALIGNR $14, Z21, Z20, Z22
	VPALIGNR $12, Z21, Z20, Z23
	VPADDB Z22, Z20, Z20
	VPADDB Z23, Z20, Z20
	VPCMPUB $5, Z15, Z20, K3
	VMOVDQA64 Z16, Z24
	VPTERNLOGD $0xfe, Z17, Z18, Z24
	VPORQ Z19, Z24, Z24
	VPTESTMB Z24, Z24, K1

	// Four whole ones before each: two, and two more. R11 to R13 hold what came before.
	MOVQ R9, AX
	SHLQ $1, AX
	SHRQ $63, R11
	ORQ R11, AX
	ANDQ R9, AX
	MOVQ R9, R11
	MOVQ AX, BX
	SHLQ $2, BX
	SHRQ $62, R12
	ORQ R12, BX
	ANDQ AX, BX
	MOVQ AX, R12
	LEAQ (BX)(BX*1), CX
	SHRQ $63, R13
	ORQ R13, CX
	MOVQ BX, R13
	KMOVQ K3, AX
	ANDQ AX, CX
	LEAQ (CX)(CX*1), AX
	ANDNQ CX, AX, CX
	KMOVQ K1, AX
	ORQ  CX, AX
	JNE  some

next:
	ADDQ $256, DX
	CMPQ DX, n+8(FP)
	JLT  loop
	JMP  done

some:
	LIST(0, Z16)
	LIST(64, Z17)
	LIST(128, Z18)
	LIST(192, Z19)
	CMPQ DI, R10
	JLE  next
	ADDQ $256, DX

done:
	MOVQ DX, upto+48(FP)
	MOVQ DI, AX
	SUBQ list+24(FP), AX
	XORL DX, DX
	MOVL $24, CX
	DIVQ CX
	MOVQ AX, listed+40(FP)
	VZEROUPPER
	RET

// HALF loads 32 bytes, looks up the groups that both halves of each have, and keeps of Y8 what they have in common.
#define HALF(place, low, high) \
	VMOVDQU place(SI)(DX*1), Y9; \
	VPAND Y15, Y9, Y10; \
	VPSRLW $4, Y9, Y9; \
	VPAND Y15, Y9, Y9; \
	VPSHUFB Y10, low, Y10; \
	VPSHUFB Y9, high, Y9; \
	VPAND Y10, Y8, Y8; \
	VPAND Y9, Y8, Y8

// BLOCK256 is BLOCK for 32 bytes; it keeps hits and sums on the stack. Looked up by the whole byte, one beyond ASCII gives zero. One byte is
// enough in the middle.
#define BLOCK256(place) \
	VMOVDQU place(SI)(DX*1), Y9; \
	VPAND Y15, Y9, Y10; \
	VPSRLW $4, Y9, Y11; \
	VPAND Y15, Y11, Y11; \
	VPSHUFB Y9, Y6, Y12; \
	VPSHUFB Y11, Y7, Y13; \
	VPAND Y12, Y13, Y12; \
	VPMINUB Y15, Y12, Y12; \
	VMOVDQU 256(R10), Y13; \
	VPSHUFB Y12, Y13, Y12; \
	VPMADDUBSW 288(R10), Y12, Y12; \
	VMOVDQU Y12, place+128(SP); \
	VPSHUFB Y10, Y0, Y10; \
	VPSHUFB Y11, Y1, Y11; \
	VPAND Y10, Y11, Y8; \
	VMOVDQU 416(R10), Y13; \
	VPCMPEQB place+1(SI)(DX*1), Y13, Y13; \
	HALF(place+1, Y2, Y3); \
	HALF(place+2, Y4, Y5); \
	VPOR Y13, Y8, Y8; \
	VMOVDQU Y8, place(SP); \
	VPOR Y8, Y14, Y14

// LIST256 is LIST for two halves.
#define LIST256(place) \
	VPCMPEQB place(SP), Y9, Y10; \
	VPCMPEQB place+32(SP), Y9, Y11; \
	VPMOVMSKB Y10, R8; \
	VPMOVMSKB Y11, AX; \
	SHLQ $32, AX; \
	ORQ AX, R8; \
	NOTQ R8; \
	MOVWLZX CX, BX; \
	SHRQ $16, CX; \
	LEAQ place(DX), AX; \
	MOVQ AX, 0(DI); \
	MOVQ R8, 8(DI); \
	MOVQ BX, 16(DI); \
	LEAQ 24(DI), AX; \
	ORQ R8, BX; \
	CMOVQNE AX, DI

// func look256(p *byte, n int, t *narrowTables, list *found, room int) (listed, upto int)
//
// On the stack: what four times 32 bytes hit, their sums, and the last sums of the 128 bytes before: of fours and of two of these.
TEXT ·look256(SB), NOSPLIT, $320-56
	MOVQ p+0(FP), SI
	MOVQ t+16(FP), R10
	VMOVDQU 0(R10), Y0
	VMOVDQU 32(R10), Y1
	VMOVDQU 64(R10), Y2
	VMOVDQU 96(R10), Y3
	VMOVDQU 128(R10), Y4
	VMOVDQU 160(R10), Y5
	VMOVDQU 192(R10), Y6
	VMOVDQU 224(R10), Y7
	MOVL $0x0f0f0f0f, AX
	VMOVD AX, X15
	VPBROADCASTD X15, Y15
	VPXOR Y8, Y8, Y8
	VMOVDQU Y8, 256(SP)
	VMOVDQU Y8, 288(SP)
	XORL R9, R9 // which fours are whole: the last 32 lowest, these highest
	MOVQ list+24(FP), DI
	MOVQ room+32(FP), AX
	LEAQ -6(AX)(AX*2), AX
	LEAQ (DI)(AX*8), R11 // from here on there is no room for two blocks
	XORL DX, DX

loop:
	VPXOR Y14, Y14, Y14
	BLOCK256(0)
	BLOCK256(32)
	BLOCK256(64)
	BLOCK256(96)
	VMOVDQU 128(SP), Y8
	VPACKUSWB 160(SP), Y8, Y8
	VMOVDQU 192(SP), Y9
	VPACKUSWB 224(SP), Y9, Y9
	VPMADDUBSW 288(R10), Y8, Y8
	VPMADDUBSW 288(R10), Y9, Y9
	VPACKUSWB Y9, Y8, Y8
	VMOVDQU 320(R10), Y9
	VPERMD Y8, Y9, Y8
	VPMOVMSKB Y8, AX
	SHRQ $32, R9
	SHLQ $32, AX
	ORQ AX, R9

	VPAND 352(R10), Y8, Y8
	VMOVDQU 256(SP), Y9
	VPERM2I128 $0x21, Y8, Y9, Y9
	VMOVDQU Y8, 256(SP)
	VPALIGNR $15, Y9, Y8, Y9
	VPADDB Y9, Y8, Y8
	VMOVDQU 288(SP), Y9
	VPERM2I128 $0x21, Y8, Y9, Y9
	VMOVDQU Y8, 288(SP)
	VPALIGNR $14, Y9, Y8, Y10
	VPALIGNR $12, Y9, Y8, Y11
	VPADDB Y10, Y8, Y8
	VPADDB Y11, Y8, Y8
	VPCMPGTB 384(R10), Y8, Y8
	VPMOVMSKB Y8, CX

	LEAQ (R9)(R9*1), AX
	ANDQ R9, AX
	LEAQ (AX*4), BX
	ANDQ AX, BX
	SHRQ $31, BX
	ANDQ BX, CX
	LEAQ (CX)(CX*1), AX
	ANDNQ CX, AX, CX
	VPXOR Y9, Y9, Y9
	VPCMPEQB Y9, Y14, Y14
	VPMOVMSKB Y14, AX
	NOTL AX
	ORL  CX, AX
	JNE  some

next:
	SUBQ $-128, DX
	CMPQ DX, n+8(FP)
	JLT  loop
	JMP  done

some:
	LIST256(0)
	LIST256(64)
	CMPQ DI, R11
	JLE  next
	SUBQ $-128, DX

done:
	MOVQ DX, upto+48(FP)
	MOVQ DI, AX
	SUBQ list+24(FP), AX
	XORL DX, DX
	MOVL $24, CX
	DIVQ CX
	MOVQ AX, listed+40(FP)
	VZEROUPPER
	RET
