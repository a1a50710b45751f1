"""A second reader of mce-exchange artefacts, written from SPEC.md and protos/ alone.

It shares no line with the library: it imports public libraries only, takes the fields and their
numbers from the `.proto` files and the bounds from the table in SPEC.md section 10. Where the two
disagree about a vector, one of them or SPEC.md is wrong.
"""
