"""What is measured of records and of the documents that are written from them.

`duplicates`, `diversity`, `difficulty`, `overlap` and `teaching` each measure one thing of texts or records; `measures`
takes a file of records, writes its documents and puts all of it together. Nothing is run and nothing is trained here.
"""
