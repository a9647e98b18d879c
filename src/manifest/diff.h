struct manifest;
struct buf;
void manifest_diff_words(const struct manifest *old, const struct manifest *new, struct buf *out);
