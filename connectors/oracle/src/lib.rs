//! Oracle Database 19c and later, read through a thin or a thick driver.
