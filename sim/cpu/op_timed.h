/* Names of the fast forms for CPUs with caches: timed_*.c include this and then the file that has the plain ones. See op.h. */
#ifndef CPU_OP_TIMED_H
#define CPU_OP_TIMED_H

#define OP_TIMED 1
struct op; /* or there would be nothing here */
#define op_forms_adc op_forms_adc_timed
#define op_forms_add op_forms_add_timed
#define op_forms_and op_forms_and_timed
#define op_forms_bswap op_forms_bswap_timed
#define op_forms_call op_forms_call_timed
#define op_forms_cmp op_forms_cmp_timed
#define op_forms_dec op_forms_dec_timed
#define op_forms_imul2 op_forms_imul2_timed
#define op_forms_imul3 op_forms_imul3_timed
#define op_forms_inc op_forms_inc_timed
#define op_forms_jmp op_forms_jmp_timed
#define op_forms_lea op_forms_lea_timed
#define op_forms_mov op_forms_mov_timed
#define op_forms_movsx16 op_forms_movsx16_timed
#define op_forms_movsx8 op_forms_movsx8_timed
#define op_forms_movzx16 op_forms_movzx16_timed
#define op_forms_movzx8 op_forms_movzx8_timed
#define op_forms_mul op_forms_mul_timed
#define op_forms_neg op_forms_neg_timed
#define op_forms_not op_forms_not_timed
#define op_forms_or op_forms_or_timed
#define op_forms_pop op_forms_pop_timed
#define op_forms_push op_forms_push_timed
#define op_forms_ret op_forms_ret_timed
#define op_forms_rol op_forms_rol_timed
#define op_forms_ror op_forms_ror_timed
#define op_forms_sar op_forms_sar_timed
#define op_forms_sbb op_forms_sbb_timed
#define op_forms_shl op_forms_shl_timed
#define op_forms_shr op_forms_shr_timed
#define op_forms_sub op_forms_sub_timed
#define op_forms_test op_forms_test_timed
#define op_forms_xchg op_forms_xchg_timed
#define op_forms_xor op_forms_xor_timed
#define op_jcc_near op_jcc_near_timed
#define op_jcc_far op_jcc_far_timed
#define op_setcc op_setcc_timed
#define op_cmov op_cmov_timed
#define op_cmov_mem op_cmov_mem_timed
#define op_jmp_near op_jmp_near_timed
#define op_ret op_ret_timed
#define op_call_near op_call_near_timed
#define op_fall_near op_fall_near_timed
#define op_fall_far op_fall_far_timed
#define op_nop op_nop_timed
#define op_cdq op_cdq_timed
#define op_cwde op_cwde_timed
#define op_leave op_leave_timed
#define op_cli op_cli_timed
#define op_sti op_sti_timed
#define op_pushf op_pushf_timed
#define op_popf op_popf_timed
#define op_cld op_cld_timed
#define op_pusha op_pusha_timed
#define op_popa op_popa_timed
#define op_choose op_choose_timed
#define op_forms_of op_forms_of_timed
#define op_fused op_fused_timed
#define op_pair op_pair_timed
#define op_pair_number op_pair_number_timed
#define op_kit op_kit_timed
#define op_unlinked_taken op_unlinked_taken_timed
#define op_unlinked_next op_unlinked_next_timed
#define op_unlinked_taken_behind op_unlinked_taken_behind_timed
#define op_unlinked_next_behind op_unlinked_next_behind_timed
#define op_miss_read op_miss_read_timed
#define op_miss_write op_miss_write_timed
#define op_head op_head_timed

#endif
