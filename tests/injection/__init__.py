"""Words that would like to be more than words, in every place where words are shown."""
