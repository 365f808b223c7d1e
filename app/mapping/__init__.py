"""Entry → lead. Pure: `infer` finds the fields, `rules` override it, `people` brings values to one form."""
