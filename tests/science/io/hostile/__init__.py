"""Files made to harm, or damaged, and a confined process that reads them."""
