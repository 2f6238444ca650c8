"""Writes a language model of the Llama architecture with random weights, some 200 KB: tiny-gguf.py FILE."""

import sys

import gguf
import numpy

EMBEDDING, FEED_FORWARD, HEADS, CONTEXT = 32, 64, 2, 8192
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
# Words make its babble look like an answer; a space is "▁" in this kind of vocabulary.
WORDS = ["▁yes", "▁no", "▁hello", "▁please", "▁order", "▁thank", "▁you", "▁we", "▁will", "▁see", "▁and", "▁the"]
TOKENS = ["<unk>", "<s>", "</s>", *BYTES, "▁", *WORDS]
TYPES = (
    [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    + [gguf.TokenType.BYTE] * len(BYTES)
    + [gguf.TokenType.NORMAL] * (1 + len(WORDS))
)
WORDS_AT = 3 + len(BYTES) + 1

random = numpy.random.default_rng(7)


def weights(*shape):
    return (random.standard_normal(shape) * 0.05).astype(numpy.float32)


writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_name("tiny")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(EMBEDDING)
writer.add_block_count(1)
writer.add_feed_forward_length(FEED_FORWARD)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(EMBEDDING // HEADS)
writer.add_vocab_size(len(TOKENS))
writer.add_file_type(gguf.LlamaFileType.ALL_F32)
writer.add_tokenizer_model("llama")
writer.add_token_list(TOKENS)
writer.add_token_scores([-float(index) for index in range(len(TOKENS))])
writer.add_token_types(TYPES)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)

writer.add_tensor("token_embd.weight", weights(len(TOKENS), EMBEDDING))
writer.add_tensor("output_norm.weight", numpy.ones(EMBEDDING, dtype=numpy.float32))
writer.add_tensor("output.weight", weights(len(TOKENS), EMBEDDING))
for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
    writer.add_tensor(f"blk.0.{name}.weight", weights(EMBEDDING, EMBEDDING))
writer.add_tensor("blk.0.attn_norm.weight", numpy.ones(EMBEDDING, dtype=numpy.float32))
writer.add_tensor("blk.0.ffn_norm.weight", numpy.ones(EMBEDDING, dtype=numpy.float32))
writer.add_tensor("blk.0.ffn_gate.weight", weights(FEED_FORWARD, EMBEDDING))
writer.add_tensor("blk.0.ffn_up.weight", weights(FEED_FORWARD, EMBEDDING))
writer.add_tensor("blk.0.ffn_down.weight", weights(EMBEDDING, FEED_FORWARD))

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
