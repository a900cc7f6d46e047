"""The byte-pair tokenizer of the transformer, trained with the `tokenizers` library."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from pretraining import plays


def train(vocabulary_size: int) -> Tokenizer:
    """A byte-level BPE (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909) of the plays.

    Its first 256 tokens are the bytes, so it can encode any text. Words are split as in GPT-2,
    with the space before a word belonging to it.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(plays.training_plays(), trainer)
    return tokenizer
