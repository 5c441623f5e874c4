"""What a manifest is downloaded as: one module a format."""
